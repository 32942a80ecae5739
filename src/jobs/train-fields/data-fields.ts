import { Type } from 'typebox';

/** What a training reads, in which order, and what it holds out. */
export const dataFields = {
  classCount: Type.Optional(
    Type.Integer({
      minimum: 2,
      maximum: 1_000_000,
      description: 'Checked against the dataset; may be left out.',
    }),
  ),
  batchSize: Type.Integer({ minimum: 2, maximum: 4096, default: 16 }),
  shuffle: Type.Boolean({ default: true }),
  validationFraction: Type.Number({
    minimum: 0,
    maximum: 0.5,
    default: 0.1,
    description: 'Share of each class held out and scored after every epoch; 0 turns validation off.',
  }),
  seed: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 1 }),
};
