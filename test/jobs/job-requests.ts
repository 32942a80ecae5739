import type { EvaluateRequest, TrainRequest } from '../../src/jobs/requests.js';
import { DEFAULT_AUGMENTATION } from '../../src/ml/data/augmentation/augmentation-settings.js';

/** A training request with every default filled in. */
export const trainRequest: TrainRequest = {
  dataset: 'demo/train',
  epochs: 30,
  batchSize: 16,
  shuffle: true,
  sampler: 'each-image',
  augmentation: DEFAULT_AUGMENTATION,
  backbone: 'mobilefacenet',
  embeddingSize: 128,
  imageSize: 112,
  dropout: 0,
  loss: 'arcface',
  optimizer: 'sgd',
  decayNormAndBias: true,
  accumulationSteps: 1,
  warmupEpochs: 1,
  schedule: 'polynomial',
  softmaxEpochs: 0,
  marginWarmupEpochs: 0,
  guardRetries: 3,
  validationFraction: 0.1,
  seed: 1,
  exports: ['onnx'],
};

/** An evaluation request for `model` with every default filled in. */
export const evaluateRequest = (model: string): EvaluateRequest => ({
  model,
  dataset: 'demo/test',
  protocols: ['classification'],
  flipTest: false,
  sliceBy: [],
  batchSize: 5,
  threshold: 0.9,
  temperature: 5,
  shuffle: true,
  seed: 1,
});
