import { Type } from 'typebox';

/** How the weights move. */
export const optimisationFields = {
  epochs: Type.Integer({ minimum: 1, maximum: 10_000, default: 30 }),
  learningRate: Type.Number({
    exclusiveMinimum: 0,
    maximum: 10,
    default: 0.05,
    description: 'Peak rate, after warm-up.',
  }),
  momentum: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0.9 }),
  weightDecay: Type.Number({ minimum: 0, maximum: 1, default: 0.0005 }),
  warmupEpochs: Type.Number({
    minimum: 0,
    maximum: 1000,
    default: 1,
    description: 'Linear warm-up; fractions allowed.',
  }),
};
