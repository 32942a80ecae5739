import type { TrainingRequest } from '../../../src/ml/training/training-request.js';

/** A training that takes seconds on a tiny dataset. */
export const BASE: TrainingRequest = {
  epochs: 2,
  batchSize: 8,
  shuffle: true,
  backbone: 'mobilefacenet',
  embeddingSize: 16,
  imageSize: 112,
  dropout: 0,
  margin: 0.5,
  learningRate: 0.02,
  momentum: 0.9,
  weightDecay: 0.0005,
  warmupEpochs: 1,
  validationFraction: 0.1,
  seed: 1,
  exports: [],
};
