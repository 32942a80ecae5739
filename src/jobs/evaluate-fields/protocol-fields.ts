import { Type } from 'typebox';

export const PROTOCOLS = ['classification', 'calibration', 'verification', 'identification'] as const;

/** Which protocols an evaluation runs, and what they share. */
export const protocolFields = {
  protocols: Type.Array(Type.Enum([...PROTOCOLS]), {
    minItems: 1,
    uniqueItems: true,
    default: ['classification'],
    description:
      'What is measured: `classification` by the model’s own classes, `calibration` of its confidences, `verification` of pairs, `identification` against a gallery.',
  }),
  split: Type.Optional(
    Type.Enum(['train', 'val', 'test'], {
      description: 'Only the images that the manifest puts in this part. Left out: all of them.',
    }),
  ),
  batchSize: Type.Integer({ minimum: 1, maximum: 4096, default: 5 }),
  flipTest: Type.Boolean({
    default: false,
    description:
      'Verification and identification: adds the embedding of the mirrored image before its length is set to 1.',
  }),
  sliceBy: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
    maxItems: 8,
    uniqueItems: true,
    default: [],
    description: 'Columns of the dataset’s manifest; the figures are also given for each of their values.',
  }),
  seed: Type.Integer({
    minimum: 0,
    maximum: 2_147_483_647,
    default: 1,
    description: 'Of the order of images, of what is drawn, of shuffled folds and of the bootstrap.',
  }),
};
