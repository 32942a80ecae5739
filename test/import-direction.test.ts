import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');
/** What each part may import of ours besides itself; `main.ts` and what else lies at the top may import anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  jobs: [],
  artifacts: [],
  ml: [],
  // Of inference only what starts and feeds its processes: see the second test.
  api: ['jobs', 'artifacts', 'inference', 'entry.ts', 'logger.ts', 'start-error.ts'],
  inference: ['artifacts', 'ml'],
  worker: ['jobs', 'artifacts', 'ml', 'config.ts', 'entry.ts', 'logger.ts'],
  // A client of the HTTP API; the command for keys works on Redis.
  cli: ['config.ts', 'logger.ts', 'entry.ts', 'start-error.ts', 'embedded-redis.ts', 'jobs', 'ml'],
  'config.ts': ['start-error.ts'],
  'entry.ts': ['config.ts', 'start-error.ts'],
  'start-error.ts': [],
  'logger.ts': [],
  'embedded-redis.ts': ['start-error.ts'],
};
/** Static, dynamic and type imports, and re-exports. */
const REFERENCE = /(?:from|import|import\()\s*['"](\.{1,2}\/[^'"]+)['"]/g;

function partOf(path: string): string {
  return relative(SRC, path).split(sep)[0] ?? '';
}

async function findImports(): Promise<{ from: string; file: string; to: string; target: string }[]> {
  const entries = await readdir(SRC, { recursive: true });
  const found = [];
  for (const file of entries.filter((entry) => entry.endsWith('.ts'))) {
    const path = join(SRC, file);
    for (const [, target = ''] of (await readFile(path, 'utf8')).matchAll(REFERENCE)) {
      const imported = resolve(dirname(path), target.replace(/\.js$/, '.ts'));
      found.push({ from: partOf(path), file, to: partOf(imported), target: relative(SRC, imported) });
    }
  }
  return found;
}

it('imports go one way: api → {jobs, artifacts} ← worker → ml', async () => {
  const imports = await findImports();
  // Not a single import found would mean that the pattern has gone blind.
  for (const from of ['api', 'worker', 'ml', 'jobs', 'artifacts']) {
    expect(imports.filter((entry) => entry.from === from).length, from).toBeGreaterThan(1);
  }
  expect(imports).toContainEqual(
    expect.objectContaining({ from: 'worker', file: join('worker', 'trainer-main.ts'), to: 'ml' }),
  );
  const wrong = imports.filter(
    ({ from, to }) => from !== 'main.ts' && from !== to && !MAY_IMPORT[from]?.includes(to),
  );
  expect(wrong).toEqual([]);
});

it('the API reaches nothing that runs a network: inference does that in processes of its own', async () => {
  const imports = await findImports();
  const reached = new Set(imports.filter(({ from }) => from === 'api').map(({ file }) => file));
  for (const file of reached) {
    for (const { target } of imports.filter((entry) => entry.file === file)) reached.add(target);
  }
  expect(reached).toContain(join('inference', 'inference-pool.ts'));
  expect([...reached].filter((file) => partOf(join(SRC, file)) === 'ml')).toEqual([]);
});
