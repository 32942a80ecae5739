// Images per second and peak memory of one training step (forward, ArcFace loss, backward, SGD update), beside
// the same step in PyTorch eager. Both sides run as processes of their own, in turn, on random images.
//
//   npm run bench -- train-step            PYTHON=/path/to/python names a Python with torch
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

const STEPS = 12;
const WARMUP_STEPS = 3;
const ROUNDS = 2;
const CASES = [
  { backbone: 'mobilefacenet', batch: 32 },
  { backbone: 'iresnet18', batch: 16 },
];
const FORMS = ['contiguous', 'channels-last'];
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Runs one side; it prints one line of JSON {imagesPerSecond, peakBytes}. */
function measure(command, args) {
  const run = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, OPENBLAS_CORETYPE: '' } });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${run.stderr}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1));
}

function findPythonWithTorch() {
  for (const python of [process.env.PYTHON, 'python3'].filter(Boolean)) {
    if (spawnSync(python, ['-c', 'import torch']).status === 0) return python;
  }
  return null;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const show = (side, { imagesPerSecond, peakBytes }) =>
  console.log(
    `  ${side.padEnd(24)} ${imagesPerSecond.toFixed(1).padStart(7)} images/s ${(peakBytes / 1e9).toFixed(2)} GB`,
  );

const python = findPythonWithTorch();
console.log(
  `${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.availableParallelism()} cores, Node ${process.version}`,
);
if (python === null) {
  console.log('No Python with torch found, so no ratio. To get one:');
  console.log('  python3 -m venv .venv && .venv/bin/pip install torch numpy');
  console.log('  PYTHON=.venv/bin/python npm run bench -- train-step');
}
for (const { backbone, batch } of CASES) {
  const args = [backbone, String(batch), String(STEPS), String(WARMUP_STEPS)];
  const sides = new Map([
    ['arcqueue', () => measure(process.execPath, [here('train-step-ours.mjs'), ...args])],
  ]);
  if (python !== null) {
    for (const form of FORMS) {
      sides.set(`PyTorch ${form}`, () => measure(python, [here('train_step_torch.py'), ...args, form]));
    }
  }
  const results = new Map([...sides.keys()].map((side) => [side, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [side, run] of sides) results.get(side).push(run());
  }
  console.log(`${backbone}, batch ${batch}, 112x112, ${ROUNDS} rounds of ${STEPS - WARMUP_STEPS} steps:`);
  const summary = new Map();
  for (const [side, runs] of results) {
    const speeds = runs.map(({ imagesPerSecond }) => imagesPerSecond);
    summary.set(side, {
      imagesPerSecond: median(speeds),
      peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
    });
    show(side, summary.get(side));
  }
  if (python === null) continue;
  const ours = summary.get('arcqueue');
  const peers = FORMS.map((form) => summary.get(`PyTorch ${form}`));
  const fastest = Math.max(...peers.map(({ imagesPerSecond }) => imagesPerSecond));
  const leanest = Math.min(...peers.map(({ peakBytes }) => peakBytes));
  const goal = backbone === 'mobilefacenet' ? 1.5 : 1.25;
  console.log(`ratio train-step-${backbone} ${(ours.imagesPerSecond / fastest).toFixed(2)} goal >=${goal}`);
  console.log(`ratio memory-${backbone} ${(ours.peakBytes / leanest).toFixed(2)} goal <=1.0`);
}
