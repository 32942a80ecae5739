import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { embedByBackbone } from '../../../src/ml/evaluation/embed-function.js';
import { cosineOf, embedImages } from '../../../src/ml/evaluation/embed-images.js';
import { listOutliers } from '../../../src/ml/training/list-outliers.js';
import { buildTinyLearner, disposeLearner, TINY_IMAGE_SIZE, tinyTraining } from './tiny-learner.js';

const SETTINGS = { epochs: 1, warmupEpochs: 0 };
const CLASSES = ['blue', 'green', 'red'];
let dir: string;
let pool: DecodePool;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-outliers-'));
  pool = await DecodePool.open({ threads: 1, imageSize: TINY_IMAGE_SIZE });
});
afterAll(async () => {
  await pool.close();
  await rm(dir, { recursive: true });
});

it('writes the name, class and angle of the images that lie far from their class, and leaves no tensor', async () => {
  const { tf } = loadTensorFlow();
  const learner = buildTinyLearner(SETTINGS, 1, { subCenters: 2 });
  const { training } = await tinyTraining(dir, pool, SETTINGS);
  // Both centres of each class are where its first image lies, but those of red, which lie opposite.
  const order = { pool, batchSize: 5, flipTest: false };
  const { values, size } = await embedImages(embedByBackbone(learner.backbone), training, order);
  const [centres] = learner.head.parameters;
  if (centres === undefined) throw new Error('expected centres');
  const first = CLASSES.map((_, label) => training.findIndex((image) => image.label === label));
  const rows = first.flatMap((index, label) => {
    const row = [...values.subarray(index * size, (index + 1) * size)];
    return [row, label === 2 ? row.map((value) => -value) : row];
  });
  rows[4] = rows[5] as number[];
  centres.value.dispose();
  centres.value = tf.tensor2d(rows);

  const before = tf.memory().numTensors;
  const split = { training, classNames: CLASSES };
  const options = { pool, batchSize: 5, outputDir: dir, subCenters: 2 };
  const found = await listOutliers(learner, split, options);
  expect(tf.memory().numTensors).toBe(before);
  const { degrees, images } = JSON.parse(await readFile(join(dir, 'outliers.json'), 'utf8'));
  expect(found).toEqual({ count: images.length, degrees });
  const table = { values, size, count: training.length };
  const far = training.flatMap(({ label, relativePath }, index) => {
    const sign = label === 2 ? -1 : 1;
    const angle = (Math.acos(sign * cosineOf(table, index, first[label] ?? 0)) * 180) / Math.PI;
    return angle > 75 ? [{ path: relativePath, class: CLASSES[label], degrees: angle }] : [];
  });
  expect(far.length).toBeGreaterThan(0);
  expect(far.length).toBeLessThan(training.length);
  expect(images).toHaveLength(far.length);
  for (const one of far) {
    const match = images.find(({ path }: { path: string }) => path === one.path);
    expect(match?.class).toBe(one.class);
    expect(match?.degrees).toBeCloseTo(one.degrees, 1);
  }
  disposeLearner(learner);
});

it('writes nothing without sub-centres', async () => {
  const learner = buildTinyLearner(SETTINGS);
  const { training } = await tinyTraining(dir, pool, SETTINGS);
  const outputDir = await mkdtemp(join(dir, 'model-'));
  const options = { pool, batchSize: 5, outputDir, subCenters: 1 };
  expect(await listOutliers(learner, { training, classNames: CLASSES }, options)).toBe(null);
  expect(await readdir(outputDir)).toEqual([]);
  disposeLearner(learner);
});
