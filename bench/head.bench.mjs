// Time and memory of a head's step (ArcFace, its gradients, SGD update) against the number of classes, whole and with
// a tenth of the classes sampled, beside the same in PyTorch eager. Prints a table and draws head.svg.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { plotLogLog } from './log-log-plot.mjs';
import { peerPython } from './peers.mjs';
import { printMachine } from './train-step-sides.mjs';

const EMBEDDING_SIZE = 128;
const BATCH = 64;
const ROUNDS = 2;
/** Fewer steps where each takes long. */
const SIZES = [
  { classes: 1_000, steps: 40, warmup: 10 },
  { classes: 10_000, steps: 25, warmup: 5 },
  { classes: 100_000, steps: 10, warmup: 3 },
  { classes: 1_000_000, steps: 5, warmup: 2 },
];
const RATES = { full: 1, partial: 0.1 };
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Runs one side; it prints one line of JSON {milliseconds, stepBytes}. */
function measure(command, args) {
  const run = spawnSync(command, args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${run.stderr}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1));
}

async function findPeer() {
  try {
    return await peerPython(['torch', 'numpy']);
  } catch (error) {
    console.log(`No PyTorch, so no ratio to it: ${error.message.split('\n')[0]}`);
    return null;
  }
}

printMachine();
const python = await findPeer();
const sides = Object.entries(RATES).flatMap(([form, rate]) => [
  { name: `arcqueue ${form}`, command: process.execPath, script: here('head-ours.mjs'), rate },
  ...(python === null
    ? []
    : [{ name: `PyTorch ${form}`, command: python, script: here('head_torch.py'), rate }]),
]);
console.log(
  `embedding ${EMBEDDING_SIZE}, batch ${BATCH}; the fastest of ${ROUNDS} rounds' medians, the largest memory`,
);
console.log(`${'classes'.padStart(9)}  ${sides.map(({ name }) => name.padStart(24)).join('')}`);
const results = new Map(sides.map(({ name }) => [name, []]));
for (const { classes, steps, warmup } of SIZES) {
  const runs = new Map(sides.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, command, script, rate } of sides) {
      const args = [script, classes, EMBEDDING_SIZE, BATCH, rate, steps, warmup].map(String);
      runs.get(name).push(measure(command, args));
    }
  }
  const cells = sides.map(({ name }) => {
    const milliseconds = Math.min(...runs.get(name).map((run) => run.milliseconds));
    const bytes = Math.max(...runs.get(name).map((run) => run.stepBytes));
    results.get(name).push({ classes, milliseconds, bytes });
    return `${milliseconds.toFixed(1)} ms ${(bytes / 1e6).toFixed(0)} MB`.padStart(24);
  });
  console.log(`${String(classes).padStart(9)}  ${cells.join('')}`);
}

const series = [...results].map(([name, points]) => ({
  name,
  points: points.map(({ classes, milliseconds }) => [classes, milliseconds]),
}));
const labels = { title: "A head's step", x: 'classes', y: 'milliseconds' };
writeFileSync(here('head.svg'), plotLogLog(series, labels));

const at = (name, classes) => results.get(name).find((point) => point.classes === classes);
const [smallest, largest] = [SIZES[0].classes, SIZES.at(-1).classes];
for (const form of python === null ? [] : Object.keys(RATES)) {
  for (const { classes } of SIZES) {
    const ratio = at(`PyTorch ${form}`, classes).milliseconds / at(`arcqueue ${form}`, classes).milliseconds;
    console.log(`ratio head-${form}-${classes} ${ratio.toFixed(2)} goal >=1.0`);
  }
  const memory = at(`arcqueue ${form}`, largest).bytes / at(`PyTorch ${form}`, largest).bytes;
  console.log(`ratio head-memory-${form}-${largest} ${memory.toFixed(2)} goal <=1.0`);
}
// How much a step grows from the fewest to the most classes, over how much the classes do: 1 would be linear.
const growth = (key) => at('arcqueue partial', largest)[key] / at('arcqueue partial', smallest)[key];
console.log(
  `ratio head-partial-growth ${(growth('milliseconds') / (largest / smallest)).toFixed(3)} goal <=0.5`,
);
const share = at('arcqueue partial', largest).milliseconds / at('arcqueue full', largest).milliseconds;
console.log(`ratio head-partial-of-full ${share.toFixed(3)} goal <=0.5`);
