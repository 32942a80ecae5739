import { join } from 'node:path';
import type { Backbone } from '../../../src/ml/backbones/backbone.js';
import { normalTensor } from '../../../src/ml/backbones/initialise.js';
import { scanClassFolder } from '../../../src/ml/data/class-folder.js';
import type { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { buildHead } from '../../../src/ml/heads/build-head.js';
import type { LossSettings } from '../../../src/ml/heads/head-settings.js';
import { BatchNorm } from '../../../src/ml/layers/batch-norm.js';
import { Dense } from '../../../src/ml/layers/dense.js';
import { Dropout } from '../../../src/ml/layers/dropout.js';
import { Flatten } from '../../../src/ml/layers/flatten.js';
import { disposeTensors } from '../../../src/ml/layers/named-tensors.js';
import { Prelu } from '../../../src/ml/layers/prelu.js';
import { Sequential } from '../../../src/ml/layers/sequential.js';
import { networkEntries, takeWeights } from '../../../src/ml/training/network-weights.js';
import {
  completeOptimisation,
  type OptimisationSettings,
} from '../../../src/ml/training/optimisation-settings.js';
import { buildOptimizer } from '../../../src/ml/training/optimizers/build-optimizer.js';
import type { TrainOptions } from '../../../src/ml/training/train.js';
import type { Learner } from '../../../src/ml/training/train-step.js';
import { writeColours } from '../../flow/tiny-dataset.js';

const EMBEDDING_SIZE = 6;
export const TINY_IMAGE_SIZE = 16;
const TINY_SIZE = { batchSize: 4, trainingImages: 12 };

/** A network of one linear layer with all that has a state: a training of it takes milliseconds a step. */
export function buildTinyLearner(settings: OptimisationSettings, seed = 1, loss: LossSettings = {}): Learner {
  const random = createRandom(seed);
  const inputs = TINY_IMAGE_SIZE * TINY_IMAGE_SIZE * 3;
  const layers = new Sequential([
    new Flatten('flatten'),
    new Dropout('dropout', 0.2, createRandom(seed)),
    new Dense('embedding.fc', normalTensor([inputs, EMBEDDING_SIZE], 0.01, random), { bias: true }),
    new BatchNorm('embedding.bn', EMBEDDING_SIZE),
    new Prelu('embedding.prelu', EMBEDDING_SIZE),
  ]);
  const backbone: Backbone = Object.assign(layers, {
    architecture: 'mobilefacenet' as const,
    embeddingSize: EMBEDDING_SIZE,
    imageSize: TINY_IMAGE_SIZE,
  });
  const head = buildHead({ scale: 16, ...loss }, { classCount: 3, embeddingSize: EMBEDDING_SIZE }, random);
  const { optimizer } = completeOptimisation(settings, TINY_SIZE);
  return {
    backbone,
    head,
    optimizer: buildOptimizer([...backbone.parameters, ...head.parameters], optimizer),
  };
}

/** The options of a training on three colours, 6 images of each, 2 of them held out. */
export async function tinyTraining(
  dir: string,
  pool: DecodePool,
  settings: OptimisationSettings,
): Promise<TrainOptions> {
  const datasetDir = join(dir, 'colours');
  await writeColours(datasetDir, { images: 6 });
  const { images } = await scanClassFolder(datasetDir);
  return {
    training: images.filter((_, index) => index % 6 < 4),
    validation: images.filter((_, index) => index % 6 >= 4),
    pool,
    epochs: settings.epochs,
    batchSize: 4,
    shuffle: true,
    seed: 7,
    classCount: 3,
    optimisation: completeOptimisation(settings, TINY_SIZE),
  };
}

/** Every value that the network computes with, by name. */
export function weightsOf(learner: Learner): Record<string, number[]> {
  const weights = takeWeights(learner);
  const values = Object.fromEntries([...weights].map(([name, tensor]) => [name, [...tensor.dataSync()]]));
  disposeTensors(weights);
  return values;
}

export function disposeLearner(learner: Learner): void {
  for (const { value } of networkEntries(learner)) value.dispose();
  learner.optimizer.dispose();
}
