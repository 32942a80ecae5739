import { describe, expect, it } from 'vitest';
import { autoLearningRate, autoWarmupEpochs } from '../../../src/ml/training/auto-settings.js';
import { completeOptimisation } from '../../../src/ml/training/optimisation-settings.js';

describe('the automatic learning rate', () => {
  it.each([
    ['sgd', 16, 0.025],
    ['sgd', 64, 0.1],
    ['sgd', 512, 0.1],
    ['sgd', 1024, 0.1],
    ['sgd', 2048, 0.2],
    ['sgd', 8192, 0.6],
    ['adamw', 16, 0.0005],
    ['adamw', 64, 0.001],
    ['adamw', 4096, 0.001],
  ] as const)('of %s with %i images a step is %f', (optimizer, images, rate) => {
    expect(autoLearningRate(optimizer, images)).toBeCloseTo(rate, 10);
  });
});

describe('the automatic warm-up', () => {
  it.each([
    ['sgd in a long run', null, 2000, 20, 0.5],
    ['adamw in a long run', 0.999, 2000, 20, 1],
    ['sgd in a run of 600 steps', null, 60, 10, 1],
    ['a run of 5 steps', null, 5, 1, 0],
  ] as const)('of %s', (_, beta2, stepsPerEpoch, epochs, expected) => {
    expect(autoWarmupEpochs(beta2, { stepsPerEpoch, epochs })).toBeCloseTo(expected, 10);
  });
});

it('auto looks at the images of a whole step, accumulated ones included', () => {
  const settings = { epochs: 10, warmupEpochs: 'auto', learningRate: 'auto', accumulationSteps: 4 } as const;
  const optimisation = completeOptimisation(settings, { batchSize: 8, trainingImages: 3200 });
  // 32 images a step: half of 0.1. 100 steps an epoch, 1000 in all: a tenth of them is an epoch.
  expect(optimisation).toMatchObject({ learningRate: 0.05, warmupEpochs: 1 });
});

it('auto counts no more images a step than an epoch has, and the steps that a sampler makes', () => {
  const auto = { epochs: 10, warmupEpochs: 'auto', learningRate: 'auto' } as const;
  const few = { batchSize: 16, trainingImages: 32 };
  // 1024 batches of 16 would be 16,384 images, and a rate of 0.6; there are 32.
  expect(completeOptimisation({ ...auto, accumulationSteps: 1024 }, few)).toMatchObject({
    learningRate: 0.05,
  });
  // 7 batches of 16 out of 127 images, the rest not drawn: 70 steps, of which 7 warm up.
  const size = { batchSize: 16, trainingImages: 127, sampler: 'p-by-k' } as const;
  expect(completeOptimisation(auto, size)).toMatchObject({ warmupEpochs: 1 });
});
