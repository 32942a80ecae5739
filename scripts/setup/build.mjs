import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './commands.mjs';
import { showStep } from './progress.mjs';
import { SetupError } from './setup-error.mjs';

const STAMP = 'dist/.source-stamp';
const SHOWN_ERRORS = 10;

/**
 * Compiles src/ to dist/ when a source changed since the last build.
 * @param {string} root
 */
export async function setUpBuild(root) {
  const fingerprint = sourceFingerprint(root);
  if (readStamp(root) === fingerprint) return;
  await showStep('Compiling TypeScript', async () => {
    removeOrphans(root);
    const { code, output } = await runCommand(
      join(root, 'node_modules/.bin/tsc'),
      ['-p', 'tsconfig.build.json'],
      { cwd: root },
    );
    if (code !== 0) {
      const lines = output.split('\n');
      throw new SetupError(`TypeScript does not compile:\n${lines.slice(0, SHOWN_ERRORS).join('\n')}`);
    }
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, STAMP), fingerprint);
  });
}

/**
 * Changes whenever a source file is added, removed or written.
 * @param {string} root
 */
export function sourceFingerprint(root) {
  const hash = createHash('sha256');
  const files = [
    ...listFiles(join(root, 'src')).map((file) => join('src', file)),
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  for (const file of files.sort()) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

/**
 * Removes compiled files whose source is gone: left there, an import of one would still work on this machine only.
 * @param {string} root
 */
function removeOrphans(root) {
  const dist = join(root, 'dist');
  if (!existsSync(dist)) return;
  for (const file of listFiles(dist)) {
    const source = /^(.*)\.js(\.map)?$/.exec(file)?.[1];
    if (source !== undefined && !existsSync(join(root, 'src', `${source}.ts`))) rmSync(join(dist, file));
  }
}

/** @param {string} folder */
function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

/** @param {string} root */
function readStamp(root) {
  try {
    return readFileSync(join(root, STAMP), 'utf8');
  } catch {
    return undefined;
  }
}
