import { expect, it } from 'vitest';
import { chosenOptimisation } from '../../../src/ml/training/chosen-optimisation.js';
import {
  completeOptimisation,
  type OptimisationSettings,
} from '../../../src/ml/training/optimisation-settings.js';

const SIZE = { batchSize: 64, trainingImages: 6400 };
const LEAST: OptimisationSettings = { epochs: 10, warmupEpochs: 'auto', learningRate: 'auto' };

it('states every default of sgd', () => {
  expect(chosenOptimisation(completeOptimisation(LEAST, SIZE))).toEqual({
    optimizer: 'sgd',
    learningRate: 0.1,
    momentum: 0.9,
    nesterov: false,
    weightDecay: 0.0005,
    decayNormAndBias: true,
    accumulationSteps: 1,
    warmupEpochs: 1,
    schedule: 'polynomial',
    schedulePower: 1,
    finalLearningRate: 0,
    softmaxEpochs: 0,
    marginWarmupEpochs: 0,
    guardRetries: 3,
  });
});

it.each<Partial<OptimisationSettings>>([
  { optimizer: 'adamw', schedule: 'cosine', finalLearningRate: 0.0001 },
  { schedule: 'step', scheduleMilestones: [3, 6], patience: 2 },
  { schedule: 'constant', clipNorm: 5, emaDecay: 0.99 },
])('is a request that makes the same choices: %j', (changes) => {
  const chosen = completeOptimisation({ ...LEAST, ...changes }, SIZE);
  const again = { ...chosenOptimisation(chosen), epochs: 10, warmupEpochs: chosen.warmupEpochs };
  expect(completeOptimisation(again, SIZE)).toEqual(chosen);
});
