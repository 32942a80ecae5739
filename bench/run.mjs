// npm run bench [-- NAME]: one benchmark, or all of them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHMARKS = ['train-step'];
const [name] = process.argv.slice(2);
if (name !== undefined && !BENCHMARKS.includes(name)) {
  console.error(`Expected a benchmark of ${BENCHMARKS.join(', ')}; found "${name}".`);
  process.exit(2);
}
for (const benchmark of name === undefined ? BENCHMARKS : [name]) {
  const script = fileURLToPath(new URL(`${benchmark}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
