import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { MODEL_FILES } from '../../../src/ml/export/model-files.js';
import { readModel } from '../../../src/ml/export/read-model.js';
import { disposeTensors } from '../../../src/ml/layers/named-tensors.js';
import { networkEntries, takeWeights } from '../../../src/ml/training/network-weights.js';
import { completeOptimisation } from '../../../src/ml/training/optimisation-settings.js';
import { runTraining } from '../../../src/ml/training/run-training.js';
import { type InitSource, startLearner } from '../../../src/ml/training/start-learner.js';
import type { TrainingRequest } from '../../../src/ml/training/training-request.js';
import { startFromModel } from '../../../src/ml/training/warm-start.js';
import { type Colour, writeColours } from '../../flow/tiny-dataset.js';

const REQUEST: TrainingRequest = {
  epochs: 1,
  batchSize: 6,
  shuffle: true,
  backbone: 'mobilefacenet',
  embeddingSize: 8,
  imageSize: 48,
  dropout: 0,
  margin: 0.1,
  learningRate: 0.01,
  warmupEpochs: 0,
  validationFraction: 0,
  exports: [],
  seed: 1,
};

let dir: string;
let model: { dir: string; loss: number };
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-warm-start-'));
  await writeColours(join(dir, 'three'), { images: 6 });
  await writeColours(join(dir, 'other'), { classes: ['grey', 'red', 'blue'], images: 6 });
  model = await run('three', { epochs: 40 });
});
afterAll(() => rm(dir, { recursive: true }));

async function run(dataset: string, changes: Partial<TrainingRequest>, initFrom?: InitSource) {
  const outputDir = await mkdtemp(join(dir, 'model-'));
  const losses: number[] = [];
  const { result } = await runTraining(
    {
      datasetDir: join(dir, dataset),
      outputDir,
      decodeThreads: 1,
      request: { ...REQUEST, ...changes },
      initFrom,
    },
    { onSteps: (rows) => losses.push(...rows.map(([, loss]) => loss)) },
  );
  return { dir: outputDir, loss: losses[0] ?? Number.NaN, result };
}

type Values = Record<string, number[]>;
async function valuesOf(modelDir: string): Promise<Values> {
  const network = await readModel(modelDir);
  const weights = takeWeights(network);
  const values = Object.fromEntries([...weights].map(([name, tensor]) => [name, [...tensor.dataSync()]]));
  disposeTensors(weights);
  for (const { value } of networkEntries(network)) value.dispose();
  return values;
}
const rowOf = (centres: number[] | undefined, row: number) => centres?.slice(8 * row, 8 * row + 8);

describe('a warm start', () => {
  it('takes the backbone as it is, and each class centre to where its name now is', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const names: Colour[] = ['grey', 'red', 'blue'];
    const network = await readModel((await run('other', {})).dir);
    const fresh = rowOf([...(network.head.parameters[0]?.value.dataSync() ?? [])], 0);
    const outcome = await startFromModel(network, names, model.dir);
    expect(outcome).toEqual({ carriedClasses: 2, newClasses: 1 });

    const source = await valuesOf(model.dir);
    for (const { name, value } of [...network.backbone.parameters, ...network.backbone.buffers]) {
      expect([...value.dataSync()], name).toEqual(source[name]);
    }
    const centres = [...(network.head.parameters[0]?.value.dataSync() ?? [])];
    // The model's classes are blue, green, red.
    expect(rowOf(centres, 0)).toEqual(fresh);
    expect(rowOf(centres, 1)).toEqual(rowOf(source['head/centres'], 2));
    expect(rowOf(centres, 2)).toEqual(rowOf(source['head/centres'], 0));
    for (const { value } of networkEntries(network)) value.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('begins where the model ended, and the result says so', async () => {
    const again = await run('three', {}, { kind: 'model', dir: model.dir });
    expect(again.result.warmStart).toEqual({ carriedClasses: 3, newClasses: 0 });
    expect(again.loss).toBeLessThan(0.75 * model.loss);
  });

  it('carries no class over between heads with other numbers of sub-centres, and says so', async () => {
    const again = await run('three', { subCenters: 2 }, { kind: 'model', dir: model.dir });
    expect(again.result.warmStart).toEqual({ carriedClasses: 0, newClasses: 3 });
  });

  it("takes the backbone from a file with InsightFace's names, and leaves the centres fresh", async () => {
    const { tf } = loadTensorFlow();
    const network = await readModel((await run('other', {})).dir);
    const fresh = [...(network.head.parameters[0]?.value.dataSync() ?? [])];
    const before = tf.memory().numTensors;
    const { learner, warmStart } = await startLearner(network, {
      optimisation: completeOptimisation(REQUEST, { batchSize: 6, trainingImages: 18 }),
      initFrom: { kind: 'safetensors', path: join(model.dir, MODEL_FILES.safetensors) },
      freezeStages: [],
      classNames: ['grey', 'red', 'blue'],
    });
    expect(warmStart).toEqual({ carriedClasses: 0, newClasses: 3 });
    const source = await valuesOf(model.dir);
    for (const { name, value } of [...network.backbone.parameters, ...network.backbone.buffers]) {
      expect([...value.dataSync()], name).toEqual(source[name]);
    }
    expect([...(network.head.parameters[0]?.value.dataSync() ?? [])]).toEqual(fresh);
    learner.optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    for (const { value } of networkEntries(network)) value.dispose();
  });

  it('refuses a model of another shape, naming both, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const running = run('three', { embeddingSize: 16 }, { kind: 'model', dir: model.dir });
    await expect(running).rejects.toMatchObject({ code: 'model_unfit', fault: 'user' });
    await expect(running).rejects.toThrow(/embeddingSize 16.*found one of .*embeddingSize 8/);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('frozen stages', () => {
  it('keep weights and moving statistics to the bit while the others learn, and leave no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const freezeStages = ['stem', 'stage1'];
    const tuned = await run('other', { freezeStages }, { kind: 'model', dir: model.dir });
    expect(tf.memory().numTensors).toBe(before);
    const [source, after] = [await valuesOf(model.dir), await valuesOf(tuned.dir)];
    const isFrozen = (name: string) => /^(stem|down1|stage1)/.test(name);
    const backbone = Object.keys(source).filter((name) => !name.startsWith('head/'));
    for (const name of backbone.filter(isFrozen)) expect(after[name], name).toEqual(source[name]);
    for (const name of backbone.filter((entry) => !isFrozen(entry))) {
      expect(after[name], name).not.toEqual(source[name]);
    }
    expect(backbone.filter(isFrozen).length).toBeGreaterThan(10);
  });

  it.each([[['stage1']], [['stem', 'stage2']], [['stem', 'stage4']]])(
    'must be the first ones without a gap: not %j',
    async (freezeStages) => {
      const { tf } = loadTensorFlow();
      const before = tf.memory().numTensors;
      const running = run('three', { freezeStages }, { kind: 'model', dir: model.dir });
      await expect(running).rejects.toMatchObject({ code: 'stages_unfit', fault: 'user' });
      await expect(running).rejects.toThrow(/the first of stem, stage1, stage2, stage3 without a gap/);
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});
