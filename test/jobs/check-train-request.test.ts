import { describe, expect, it } from 'vitest';
import { checkTrainRequest } from '../../src/jobs/check-train-request.js';
import type { TrainRequest } from '../../src/jobs/requests.js';
import { trainRequest } from './job-requests.js';

const faultsOf = (changes: Partial<TrainRequest>) => checkTrainRequest({ ...trainRequest, ...changes });
const fieldsOf = (changes: Partial<TrainRequest>) => faultsOf(changes).map(({ field }) => field);

it('takes a request with every default', () => {
  expect(faultsOf({})).toEqual([]);
});

describe('the sampler', () => {
  const pByK = { sampler: 'p-by-k', classesPerBatch: 4, imagesPerClass: 4 } as const;

  it('may be any', () => {
    expect(faultsOf({ shuffle: false })).toEqual([]);
    expect(faultsOf({ sampler: 'class-balanced' })).toEqual([]);
    expect(faultsOf({ ...pByK, classCount: 4 })).toEqual([]);
  });

  it('p-by-k needs both its sides, and their product as batch size', () => {
    expect(fieldsOf({ sampler: 'p-by-k' })).toEqual(['classesPerBatch', 'imagesPerClass']);
    expect(fieldsOf({ sampler: 'p-by-k', classesPerBatch: 4 })).toEqual(['imagesPerClass']);
    expect(faultsOf({ ...pByK, imagesPerClass: 5 })).toEqual([
      { field: 'batchSize', expected: '20, which is classesPerBatch × imagesPerClass', found: '16' },
    ]);
  });

  it('p-by-k cannot take more classes than there are', () => {
    expect(faultsOf({ ...pByK, classCount: 3 })).toEqual([
      { field: 'classesPerBatch', expected: 'at most 3, which is classCount', found: '4' },
    ]);
  });

  it('takes no sides without p-by-k, and draws at random where it draws', () => {
    expect(fieldsOf({ classesPerBatch: 4, imagesPerClass: 4 })).toEqual([
      'classesPerBatch',
      'imagesPerClass',
    ]);
    expect(fieldsOf({ sampler: 'class-balanced', shuffle: false })).toEqual(['shuffle']);
    expect(fieldsOf({ ...pByK, shuffle: false })).toEqual(['shuffle']);
  });
});

it('the split "identity" needs a share of classes to hold out', () => {
  expect(faultsOf({ split: 'identity' })).toEqual([]);
  expect(faultsOf({ split: 'manifest', validationFraction: 0 })).toEqual([]);
  expect(fieldsOf({ split: 'identity', validationFraction: 0 })).toEqual(['validationFraction']);
});

it('refuses a range of the augmentation that ends before it begins', () => {
  const { augmentation } = trainRequest;
  expect(
    faultsOf({
      augmentation: {
        ...augmentation,
        crop: { ...augmentation.crop, minArea: 0.5, maxArea: 0.4 },
        lowResolution: { ...augmentation.lowResolution, minScale: 0.5, maxScale: 0.4 },
        blur: { ...augmentation.blur, minSigma: 2.5 },
        erasing: { ...augmentation.erasing, minArea: 0.5, maxArea: 0.5 },
      },
    }),
  ).toMatchObject([
    { field: 'augmentation.crop.maxArea', found: '0.4' },
    { field: 'augmentation.lowResolution.maxScale', found: '0.4' },
    { field: 'augmentation.blur.maxSigma', expected: 'at least 2.5, which is the least of its range' },
  ]);
});
