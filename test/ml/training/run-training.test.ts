import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_AUGMENTATION } from '../../../src/ml/data/augmentation/augmentation-settings.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { runEvaluation } from '../../../src/ml/evaluation/run-evaluation.js';
import { runTraining } from '../../../src/ml/training/run-training.js';
import type { RunHooks } from '../../../src/ml/training/training-hooks.js';
import type { TrainingRequest } from '../../../src/ml/training/training-request.js';
import { writeColours } from '../../flow/tiny-dataset.js';
import { evaluateRequest } from '../../jobs/job-requests.js';
import { BASE } from './training-requests.js';

let dir: string;
let datasetDir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-training-'));
  datasetDir = join(dir, 'colours');
  await writeColours(datasetDir, { images: 4 });
  await writeColours(join(dir, 'strangers'), { classes: ['grey'], images: 2 });
});
afterAll(() => rm(dir, { recursive: true }));

async function run(changes: Partial<TrainingRequest> = {}, hooks: RunHooks = {}) {
  const outputDir = await mkdtemp(join(dir, 'model-'));
  const losses: number[] = [];
  const onSteps: RunHooks['onSteps'] = (rows) => losses.push(...rows.map(([, loss]) => loss));
  const options = { datasetDir, outputDir, decodeThreads: 1, request: { ...BASE, ...changes } };
  const { result } = await runTraining(options, { onSteps, ...hooks });
  return { losses, result, outputDir };
}

describe('a training', () => {
  let base: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    base = await run();
  });

  it('gives the same losses when it is run again, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const again = await run();
    expect(base.losses.length).toBe(4);
    expect(again.losses).toEqual(base.losses);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<Partial<TrainingRequest>>([
    { seed: 2 },
    { backbone: 'iresnet18', epochs: 1 },
    { embeddingSize: 8 },
    { imageSize: 64 },
    { dropout: 0.4 },
    { scale: 3 },
    { margin: 0.1 },
    { loss: 'softmax' },
    { loss: 'cosface' },
    { loss: 'magface' },
    { easyMargin: true },
    { subCenters: 2 },
    { interclassFilter: 0.1 },
    { labelSmoothing: 0.1 },
    { learningRate: 0.1 },
    { momentum: 0 },
    { weightDecay: 0.5 },
    { warmupEpochs: 0 },
    { optimizer: 'adamw', momentum: undefined, learningRate: 0.001 },
    { optimizer: 'adamw', momentum: undefined, learningRate: undefined, weightDecay: undefined },
    { nesterov: true },
    { decayNormAndBias: false, weightDecay: 0.5 },
    { accumulationSteps: 2 },
    { learningRate: 'auto' },
    { warmupEpochs: 'auto' },
    { clipNorm: 0.5 },
    { clipNorm: 0.5, clipScope: 'backbone' },
    { softmaxEpochs: 1 },
    { marginWarmupEpochs: 1 },
    { validationFraction: 0.5 },
    { shuffle: false },
    { split: 'identity', validationFraction: 0.4 },
    { augmentation: { ...DEFAULT_AUGMENTATION, flip: { probability: 0 } } },
    { augmentation: { ...DEFAULT_AUGMENTATION, grey: { probability: 0.5 } } },
    { sampler: 'class-balanced' },
    { sampler: 'p-by-k', classesPerBatch: 2, imagesPerClass: 4 },
    { batchSize: 4 },
  ])('is changed by %j', async (changes) => {
    const { losses } = await run(changes);
    expect(losses).not.toEqual(base.losses.slice(0, losses.length));
    expect(losses.every(Number.isFinite)).toBe(true);
  });

  describe('without warm-up, over three epochs,', () => {
    const longer = { warmupEpochs: 0, epochs: 3 } as const;
    let longerBase: Awaited<ReturnType<typeof run>>;
    beforeAll(async () => {
      longerBase = await run(longer);
    });

    it.each<Partial<TrainingRequest>>([
      { schedule: 'cosine' },
      { schedule: 'constant' },
      { schedulePower: 2 },
      { schedule: 'step', scheduleMilestones: [1], scheduleGamma: 0.5 },
      { finalLearningRate: 0.015 },
    ])('is changed by %j', async (changes) => {
      const { losses } = await run({ ...longer, ...changes });
      expect(losses.length).toBe(longerBase.losses.length);
      expect(losses).not.toEqual(longerBase.losses);
    });
  });

  it('writes the forms of the network that it was asked for, each compared with the network', async () => {
    const { outputDir, result } = await run({ epochs: 1, exports: ['onnx', 'onnxWithPreprocessing'] });
    const files = await readdir(outputDir);
    expect(files).toEqual(expect.arrayContaining(['model.onnx', 'model-with-preprocessing.onnx']));
    const exports = result.exports as { lowestCosine: number; images: number }[];
    expect(exports).toHaveLength(2);
    for (const { lowestCosine, images } of exports) {
      expect(lowestCosine).toBeGreaterThan(0.9999);
      expect(images).toBeGreaterThan(0);
    }
    expect(await readdir(base.outputDir)).not.toContain('model.onnx');
  });

  it('exports other weights when they are averaged, after the same losses', async () => {
    const averaged = await run({ emaDecay: 0.9 });
    expect(averaged.losses).toEqual(base.losses);
    expect(averaged.result.validationLoss).not.toBe(base.result.validationLoss);
  });

  it('is changed by a sampleRate, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    // Batches of two images, so that some of the three classes can be left out.
    const small = { batchSize: 2, epochs: 1 };
    const whole = await run(small);
    const before = tf.memory().numTensors;
    const sampled = await run({ ...small, sampleRate: 0.34 });
    expect(sampled.losses).not.toEqual(whole.losses);
    expect(sampled.losses.every(Number.isFinite)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('runs as many epochs as it was asked for', async () => {
    expect((await run({ epochs: 1 })).losses.length).toBe(2);
  });

  it('stops when aborted, with the reason, within a second, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const reason = new Error('enough');
    let abortedAt = 0;
    const onSteps = () => {
      abortedAt = performance.now();
      controller.abort(reason);
    };
    const running = run({ epochs: 1000 }, { onSteps, signal: controller.signal });
    await expect(running).rejects.toBe(reason);
    expect(performance.now() - abortedAt).toBeLessThan(1000);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('writes a model of another image size, which evaluates at that size', async () => {
    const { outputDir } = await run({ imageSize: 48, dropout: 0.2, epochs: 1 });
    const preprocessing = JSON.parse(await readFile(join(outputDir, 'preprocessing.json'), 'utf8'));
    expect(preprocessing.imageSize).toBe(48);
    const { result } = await runEvaluation({
      datasetDir,
      modelDir: outputDir,
      outputDir: dir,
      decodeThreads: 1,
      request: { ...evaluateRequest('trained'), threshold: 0 },
    });
    expect(result).toMatchObject({ images: 12 });
  });

  it('writes down every choice that the request left out', async () => {
    const { momentum, weightDecay, margin, ...least } = BASE;
    const outputDir = await mkdtemp(join(dir, 'model-'));
    await runTraining({ datasetDir, outputDir, decodeThreads: 1, request: { ...least, epochs: 1 } });
    const { request } = JSON.parse(await readFile(join(outputDir, 'config.json'), 'utf8'));
    const optimisation = { optimizer: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0.0005 };
    expect(request).toMatchObject({ ...least, epochs: 1, ...optimisation, schedule: 'polynomial' });
    expect(request).toMatchObject({
      loss: 'arcface',
      margin: 0.5,
      scale: expect.any(Number),
      split: 'image',
    });
  });

  it.each<Partial<TrainingRequest>>([
    { loss: 'magface', margin: undefined, magRegularizer: 1 },
    { freezeStages: ['stage1'] },
    { backbone: 'iresnet18', freezeStages: ['stem'], loss: 'lost' as 'arcface' },
  ])('leaves no tensor when the network cannot be made: %j', async (changes) => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    await expect(run(changes)).rejects.toMatchObject({ fault: 'user' });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses a dataset smaller than a batch', async () => {
    await expect(run({ batchSize: 13 })).rejects.toMatchObject({ code: 'dataset_too_small', fault: 'data' });
  });

  it('refuses to evaluate on folders none of which is a class, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const evaluation = runEvaluation({
      datasetDir: join(dir, 'strangers'),
      modelDir: base.outputDir,
      outputDir: dir,
      decodeThreads: 1,
      request: evaluateRequest('trained'),
    });
    await expect(evaluation).rejects.toMatchObject({ code: 'no_known_class', fault: 'data' });
    expect(tf.memory().numTensors).toBe(before);
  });
});
