import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { runTraining } from '../../../src/ml/training/run-training.js';
import { writeColours } from '../../flow/tiny-dataset.js';
import { trainRequest } from '../../jobs/job-requests.js';

const SETTINGS = { ...trainRequest, epochs: 2, batchSize: 8, embeddingSize: 16, exports: [] };

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-from-checkpoint-'));
  await writeColours(join(dir, 'colours'), { images: 24 });
});
afterAll(() => rm(dir, { recursive: true }));

/** How many checkpoints a MobileFaceNet's training took, and for which share of its time it waited for them. */
async function checkpointsOf(changes: object): Promise<{ count: number; percent: number }> {
  const root = await mkdtemp(join(dir, 'run-'));
  const [outputDir, checkpointDir] = [join(root, 'model'), join(root, 'checkpoints')];
  for (const folder of [outputDir, checkpointDir]) await mkdir(folder);
  const logs: string[] = [];
  const options = { datasetDir: join(dir, 'colours'), outputDir, checkpointDir, decodeThreads: 1 };
  await runTraining(
    { ...options, request: { ...SETTINGS, ...changes } },
    { onLog: (_, line) => logs.push(line) },
  );
  const line = logs.find((each) => each.startsWith('took'));
  const [, count, percent] = /took (\d+) checkpoints.* ([\d.]+) % of/.exec(line ?? '') ?? [];
  return { count: Number(count ?? 0), percent: Number(percent) };
}

it('takes checkpoints as often as it was asked to, for a small share of the time, and leaves no tensor', async () => {
  const { tf } = loadTensorFlow();
  const before = tf.memory().numTensors;
  const byDefault = await checkpointsOf({});
  const bySteps = await checkpointsOf({ checkpointEverySteps: 2 });
  console.log(
    `by default ${byDefault.count} checkpoints, ${byDefault.percent} % of the time; ` +
      `every 2 steps ${bySteps.count}, ${bySteps.percent} %`,
  );
  expect(bySteps.count).toBeGreaterThanOrEqual(4);
  expect(bySteps.count).toBeGreaterThan(byDefault.count);
  expect(byDefault.percent).toBeLessThan(5);
  expect(tf.memory().numTensors).toBe(before);
});
