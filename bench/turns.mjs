// Sides of a benchmark that take turns, each a process of its own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Runs one side, a script of this folder; it prints one line of JSON last. */
export function measure(command, script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const run = spawnSync(command, [path, ...args.map(String)], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${script} failed:\n${run.stderr}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1));
}

/** Runs all sides in turn. @returns what each side gave, by its name */
export async function takeTurns(sides, rounds) {
  const results = new Map([...sides.keys()].map((side) => [side, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [side, run] of sides) results.get(side).push(await run());
  }
  return results;
}
