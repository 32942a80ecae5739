// npm run bench [-- NAME]: one benchmark, or all of them. A benchmark is a file bench/NAME.bench.mjs.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SUFFIX = '.bench.mjs';
const benchmarks = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort();
const [name] = process.argv.slice(2);
if (name !== undefined && !benchmarks.includes(name)) {
  console.error(`Expected a benchmark of ${benchmarks.join(', ')}; found "${name}".`);
  process.exit(2);
}
const failed = [];
for (const benchmark of name === undefined ? benchmarks : [name]) {
  console.log(`== ${benchmark}`);
  const script = fileURLToPath(new URL(`${benchmark}${SUFFIX}`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  if (status !== 0) failed.push(benchmark);
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}`);
  process.exit(1);
}
