import type { TrainRequest } from './requests.js';
import { checkLoss } from './train-fields/loss-rules.js';
import { checkOptimisation } from './train-fields/optimisation-rules.js';

/** A field that does not go with the others. */
export type RequestFault = { readonly field: string; readonly expected: string; readonly found: string };

type Rule = (request: TrainRequest) => RequestFault[];

/** One rule per group of fields that depend on one another. */
const RULES: readonly Rule[] = [checkSampler, checkSplit, checkAugmentation, checkLoss, checkOptimisation];

/** What a training request's fields, each of them valid, say against one another; empty when they make sense together. */
export function checkTrainRequest(request: TrainRequest): RequestFault[] {
  return RULES.flatMap((rule) => rule(request));
}

function checkSampler(request: TrainRequest): RequestFault[] {
  const { sampler, classesPerBatch, imagesPerClass, batchSize, shuffle, classCount } = request;
  const faults: RequestFault[] = [];
  if (sampler !== 'each-image' && !shuffle) {
    const found = `false with the sampler "${sampler}", which draws at random`;
    faults.push({ field: 'shuffle', expected: 'true, or the sampler "each-image"', found });
  }
  const sides = Object.entries({ classesPerBatch, imagesPerClass });
  if (sampler !== 'p-by-k') {
    for (const [field, value] of sides) {
      if (value === undefined) continue;
      faults.push({ field, expected: 'nothing, or the sampler "p-by-k"', found: String(value) });
    }
    return faults;
  }
  for (const [field, value] of sides) {
    if (value === undefined)
      faults.push({ field, expected: 'an integer, for the sampler "p-by-k"', found: 'nothing' });
  }
  if (classesPerBatch === undefined || imagesPerClass === undefined) return faults;
  const product = classesPerBatch * imagesPerClass;
  if (product !== batchSize) {
    const expected = `${product}, which is classesPerBatch × imagesPerClass`;
    faults.push({ field: 'batchSize', expected, found: String(batchSize) });
  }
  if (classCount !== undefined && classesPerBatch > classCount) {
    const expected = `at most ${classCount}, which is classCount`;
    faults.push({ field: 'classesPerBatch', expected, found: String(classesPerBatch) });
  }
  return faults;
}

function checkSplit({ split, validationFraction }: TrainRequest): RequestFault[] {
  if (split !== 'identity' || validationFraction > 0) return [];
  const expected = 'a number > 0, which is the share of classes that the split "identity" holds out';
  return [{ field: 'validationFraction', expected, found: '0' }];
}

/** A range that ends before it begins. */
function checkAugmentation({ augmentation }: TrainRequest): RequestFault[] {
  const { crop, lowResolution, blur, erasing } = augmentation;
  const ranges: readonly (readonly [name: string, least: number, most: number])[] = [
    ['crop.maxArea', crop.minArea, crop.maxArea],
    ['lowResolution.maxScale', lowResolution.minScale, lowResolution.maxScale],
    ['blur.maxSigma', blur.minSigma, blur.maxSigma],
    ['erasing.maxArea', erasing.minArea, erasing.maxArea],
  ];
  return ranges
    .filter(([, least, most]) => most < least)
    .map(([name, least, most]) => ({
      field: `augmentation.${name}`,
      expected: `at least ${least}, which is the least of its range`,
      found: String(most),
    }));
}
