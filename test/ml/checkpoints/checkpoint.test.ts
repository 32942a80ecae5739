import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Checkpointer } from '../../../src/ml/checkpoints/checkpointer.js';
import { loadCheckpoint } from '../../../src/ml/checkpoints/load-checkpoint.js';
import { writeCheckpoint } from '../../../src/ml/checkpoints/write-checkpoint.js';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { train } from '../../../src/ml/training/train.js';
import { disposeState } from '../../../src/ml/training/training-state.js';
import {
  buildTinyLearner,
  disposeLearner,
  TINY_IMAGE_SIZE,
  tinyTraining,
  weightsOf,
} from '../training/tiny-learner.js';

const SETTINGS = { epochs: 3, warmupEpochs: 1, emaDecay: 0.9 };
const IDENTITY = { datasetHash: 'd1', requestHash: 'r1' };

let root: string;
let pool: DecodePool;
let dir: string;
let metricsPath: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'arcqueue-checkpoint-'));
  pool = await DecodePool.open({ threads: 1, imageSize: TINY_IMAGE_SIZE });
  metricsPath = join(root, 'metrics.jsonl');
  await writeFile(metricsPath, '{"type":"step"}\nwhat is written later');
});
afterAll(async () => {
  await pool.close();
  await rm(root, { recursive: true });
});
beforeEach(async () => {
  dir = await mkdtemp(join(root, 'checkpoints-'));
});

/** The whole training of 9 steps; from `dir`'s newest checkpoint where `resumes`, with one after every step where not. */
async function run({ resumes = false, everySteps = 1 } = {}) {
  const learner = buildTinyLearner(SETTINGS, resumes ? 99 : 1);
  const logs: string[] = [];
  const hooks = { onLog: (_: string, line: string) => logs.push(line) };
  const losses: number[] = [];
  const loaded = resumes ? await loadCheckpoint(dir, IDENTITY, hooks) : null;
  const checkpointer = resumes
    ? undefined
    : new Checkpointer({
        ...{ dir, identity: IDENTITY, hooks, checkpointEverySteps: everySteps, checkpointEverySeconds: 1000 },
        metrics: () => ({ path: metricsPath, bytes: 16 }),
      });
  const options = { ...(await tinyTraining(root, pool, SETTINGS)), resumeFrom: loaded?.state, checkpointer };
  await train(learner, options, { onSteps: (rows) => losses.push(...rows.map(([, loss]) => loss)) });
  await checkpointer?.close();
  if (loaded !== null) disposeState(loaded.state);
  const weights = weightsOf(learner);
  disposeLearner(learner);
  return { losses, weights, logs, metrics: loaded?.metrics.toString() };
}

const checkpoints = async () => (await readdir(dir)).sort();

async function flipBit(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const { size } = await file.stat();
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, Math.floor(size / 2));
  byte[0] = (byte[0] ?? 0) ^ 4;
  await file.write(byte, 0, 1, Math.floor(size / 2));
  await file.close();
}

describe('the checkpoints of a training', () => {
  it('are the last two and the best, and give the same losses and bit-equal weights from disk, without a leak', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const whole = await run();
    const names = await checkpoints();
    expect(names.length).toBeGreaterThanOrEqual(2);
    expect(names.length).toBeLessThanOrEqual(3);
    // Into the last epoch: the newest that has steps left.
    expect(names).toContain('000003-0000000009');
    const resumed = await run({ resumes: true });
    expect(resumed.losses).toEqual(whole.losses.slice(9 - resumed.losses.length));
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.metrics).toBe('{"type":"step"}\n');
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[string, (newest: string) => Promise<unknown>, RegExp]>([
    [
      'truncated',
      (path) => truncate(join(path, 'tensors.bin'), 100),
      /expected \d+ bytes of tensors.bin, found 100/,
    ],
    [
      'with a flipped bit in its tensors',
      (path) => flipBit(join(path, 'tensors.bin')),
      /tensors.bin does not match/,
    ],
    [
      'with a flipped bit in its state',
      (path) => flipBit(join(path, 'state.json')),
      /state.json does not match/,
    ],
    ['with a flipped bit in its manifest', (path) => flipBit(join(path, 'manifest.json')), /manifest|JSON/],
    ['with bytes too many', (path) => appendFile(join(path, 'metrics.jsonl'), 'x'), /bytes of metrics.jsonl/],
    ['without its tensors', (path) => rm(join(path, 'tensors.bin')), /tensors.bin is missing/],
    ['without its manifest', (path) => rm(join(path, 'manifest.json')), /manifest.json is missing/],
    [
      'empty',
      async (path) => {
        await rm(path, { recursive: true });
        await mkdir(path);
      },
      /manifest.json is missing/,
    ],
  ])('one that is %s is named, and the one before is taken', async (_, breakIt, reason) => {
    const whole = await run({ everySteps: 2 });
    const [before = '', newest = ''] = (await checkpoints()).slice(-2);
    await breakIt(join(dir, newest));
    const resumed = await run({ resumes: true });
    expect(resumed.logs).toHaveLength(1);
    expect(resumed.logs[0]).toMatch(reason);
    expect(resumed.logs[0]).not.toContain(root);
    // Which steps the last two are of depends on how fast the disk was; the name says it, as epoch and step.
    const step = Number(before.split('-')[1]);
    expect(resumed.losses).toEqual(whole.losses.slice(step));
    expect(resumed.weights).toEqual(whole.weights);
  });

  it('are none when all are broken or the folder is not there', async () => {
    await run();
    for (const name of await checkpoints()) await flipBit(join(dir, name, 'state.json'));
    expect(await loadCheckpoint(dir, IDENTITY)).toBeNull();
    expect(await loadCheckpoint(join(dir, 'nowhere'), IDENTITY)).toBeNull();
  });

  it.each([
    [
      'another dataset',
      { ...IDENTITY, datasetHash: 'd2' },
      /Expected the dataset .* hash d1; found the dataset changed, of hash d2/,
    ],
    ['another request', { ...IDENTITY, requestHash: 'r2' }, /same request; found one of another request/],
  ])('are refused for %s', async (_, identity, reason) => {
    await run();
    await expect(loadCheckpoint(dir, identity)).rejects.toThrow(reason);
    await expect(loadCheckpoint(dir, identity)).rejects.toMatchObject({
      code: 'checkpoint_mismatch',
      retryable: false,
    });
  });

  it('are not written where the folder has gone to a later attempt, and training goes on', async () => {
    const path = dir;
    await rename(path, `${path}-later`);
    const { losses, logs } = await run();
    expect(losses).toHaveLength(9);
    expect(logs.every((line) => line.includes('another attempt holds the job'))).toBe(true);
    expect(logs.length).toBeGreaterThan(0);
    expect(await readdir(`${path}-later`)).toEqual([]);
  });
});

const content = (changes: object) => ({
  ...{ dir, identity: IDENTITY, epoch: 1, step: 1, isBest: false, stateJson: '{"tensors":[]}' },
  ...{ tensors: new Uint8Array(8), metrics: { path: metricsPath, bytes: 0 }, ...changes },
});

it('the best one is kept beside the last two', async () => {
  for (const step of [1, 2, 3, 4, 5]) writeCheckpoint(content({ step, isBest: step === 2 }));
  expect(await checkpoints()).toEqual(['000001-0000000002', '000001-0000000004', '000001-0000000005']);
  writeCheckpoint(content({ step: 6, isBest: true }));
  expect(await checkpoints()).toEqual(['000001-0000000005', '000001-0000000006']);
});

it('one of another version of the format is refused by name', async () => {
  writeCheckpoint(content({}));
  const path = join(dir, '000001-0000000001', 'manifest.json');
  const { toManifestText, parseManifest } = await import('../../../src/ml/checkpoints/checkpoint-format.js');
  const manifest = parseManifest(await readFile(path, 'utf8'));
  await writeFile(path, toManifestText({ ...manifest, format: 'arcqueue-checkpoint/0' }));
  await expect(loadCheckpoint(dir, IDENTITY)).rejects.toThrow(
    /format arcqueue-checkpoint\/1; found arcqueue-checkpoint\/0/,
  );
});

it('a process killed at any moment of writing leaves whole checkpoints only', async () => {
  const entry = new URL('../../../dist/ml/checkpoints/write-checkpoint.js', import.meta.url);
  const code = `
    const { writeCheckpoint } = await import(${JSON.stringify(entry.href)});
    const tensors = new Uint8Array(4_000_000);
    for (let step = 1; ; step += 1) {
      tensors.fill(step);
      writeCheckpoint({ ...${JSON.stringify({ ...content({}), tensors: undefined })}, step, tensors });
      if (step === 2) process.stdout.write('.');
    }`;
  let halfWritten = 0;
  for (let round = 0; round < 8; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await setTimeout(3 * round);
    child.kill('SIGKILL');
    await once(child, 'exit');
    halfWritten += (await checkpoints()).filter((name) => name.startsWith('.')).length;
    const warnings: string[] = [];
    const loaded = await loadCheckpoint(dir, IDENTITY, { onLog: (_, line) => warnings.push(line) });
    expect(loaded).not.toBeNull();
    expect(warnings).toEqual([]);
  }
  console.log(`killed while a checkpoint was half-written: ${halfWritten} times of 8`);
  writeCheckpoint(content({ step: 1_000_000 }));
  expect((await checkpoints()).filter((name) => name.startsWith('.'))).toEqual([]);
}, 30_000);
