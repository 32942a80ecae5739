// One training step (forward, ArcFace loss, backward, SGD update) on random images, ours and PyTorch's. Each
// measurement is a process of its own; train-step compares speed, memory compares the largest resident size.
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { peerPython } from './peers.mjs';

export const OURS = 'arcqueue';
const FORMS = ['contiguous', 'channels-last', 'bf16'];
const BATCH = 32;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The networks to measure, with the ratio of speeds that is aimed at and how often each side takes its turn. */
export const CASES = [
  { backbone: 'mobilefacenet', speedGoal: 1.5, rounds: 3 },
  { backbone: 'iresnet18', speedGoal: 1.25, rounds: 3 },
  { backbone: 'iresnet50', speedGoal: 1.25, rounds: 2 },
];

/**
 * Runs all sides in turn, `rounds` times.
 * @returns {Promise<Map<string, {imagesPerSecond: number, peakBytes: number}>>} by side: the median speed and the
 *   largest memory
 */
export async function measureSides(backbone, { steps, warmup, rounds }) {
  const python = await peerPython(['torch', 'numpy']);
  const args = [backbone, BATCH, steps, warmup].map(String);
  const sides = new Map([[OURS, () => measure(process.execPath, [here('train-step-ours.mjs'), ...args])]]);
  for (const form of FORMS) {
    sides.set(`PyTorch ${form}`, () => measure(python, [here('train_step_torch.py'), ...args, form]));
  }
  const results = new Map([...sides.keys()].map((side) => [side, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [side, run] of sides) results.get(side).push(run());
  }
  console.log(`${backbone}, batch ${BATCH}, 112x112, ${rounds} rounds of ${steps - warmup} counted steps:`);
  return new Map([...results].map(([side, runs]) => [side, summarise(side, runs)]));
}

export function printMachine() {
  const processor = os.cpus()[0]?.model ?? 'unknown processor';
  console.log(`${processor}, ${os.availableParallelism()} cores, Node ${process.version}`);
}

/** Runs one side; it prints one line of JSON {imagesPerSecond, peakBytes}. */
function measure(command, args) {
  const run = spawnSync(command, args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${run.stderr}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1));
}

function summarise(side, runs) {
  const speeds = runs.map(({ imagesPerSecond }) => imagesPerSecond).toSorted((a, b) => a - b);
  const imagesPerSecond = speeds[Math.floor(speeds.length / 2)];
  const peakBytes = Math.max(...runs.map((run) => run.peakBytes));
  const speed = imagesPerSecond.toFixed(1).padStart(7);
  console.log(`  ${side.padEnd(24)} ${speed} images/s ${(peakBytes / 1e9).toFixed(2)} GB`);
  return { imagesPerSecond, peakBytes };
}
