import { describe, expect, it } from 'vitest';
import { estimateTraining } from '../../../src/ml/inspection/training-estimate.js';

const TRAINING = {
  backbone: 'mobilefacenet',
  embeddingSize: 512,
  imageSize: 112,
  batchSize: 32,
  epochs: 3,
};
const SIZES = { trainingImages: 1000, classCount: 100 };
const bytesOf = (changes: object, sizes = SIZES) =>
  estimateTraining({ ...TRAINING, ...changes }, sizes).memory?.bytes ?? Number.NaN;

describe('estimateTraining', () => {
  it('counts steps, the last short batch included', () => {
    expect(estimateTraining(TRAINING, SIZES)).toMatchObject({ stepsPerEpoch: 32, steps: 96 });
  });

  it('counts steps of several batches, and leaves out a batch of one image, as the training does', () => {
    const accumulated = estimateTraining({ ...TRAINING, accumulationSteps: 5 }, SIZES);
    expect(accumulated).toMatchObject({ stepsPerEpoch: 7, steps: 21 });
    const single = { ...SIZES, trainingImages: 33 };
    expect(estimateTraining(TRAINING, single)).toMatchObject({ stepsPerEpoch: 1 });
  });

  it.each([
    // [backbone, batch, measured peak in bytes]: the measurement that the constants are fitted to.
    ['mobilefacenet', 4, 630_956_032],
    ['mobilefacenet', 16, 1_103_212_544],
    ['mobilefacenet', 32, 1_724_751_872],
    ['mbf', 4, 728_875_008],
    ['mbf', 32, 2_019_069_952],
    ['iresnet18', 4, 1_155_473_408],
    ['iresnet18', 32, 2_626_707_456],
    ['iresnet34', 16, 2_139_856_896],
    ['iresnet50', 32, 3_657_457_664],
  ])('foretells the peak of %s at batch %d: not below it, and within 15 %%', (backbone, batchSize, peak) => {
    const bytes = bytesOf({ backbone, batchSize });
    expect(bytes).toBeGreaterThanOrEqual(0.999 * peak);
    expect(bytes).toBeLessThan(1.15 * peak);
  });

  it('grows with the area of the image, and with classes by three floats of a centre and of a logit', () => {
    expect(bytesOf({ imageSize: 224 }) - bytesOf({})).toBe(3 * 32 * 38.9e6);
    const more = bytesOf({}, { ...SIZES, classCount: 1_000_100 }) - bytesOf({});
    expect(more).toBe(3 * 4 * 1_000_000 * (512 + 32));
  });

  it('gives the time that the stated speed takes, and null for what was never measured', () => {
    const { time } = estimateTraining({ ...TRAINING, imageSize: 224 }, SIZES);
    expect(time).toMatchObject({ imagesPerSecond: 10, seconds: 300 });
    expect(time?.source).toContain('2 processor cores');
    expect(estimateTraining({ ...TRAINING, backbone: 'mbf' }, SIZES).time).toBe(null);
    expect(estimateTraining({ ...TRAINING, backbone: 'other' }, SIZES)).toMatchObject({
      memory: null,
      time: null,
    });
  });
});
