import { Type } from 'typebox';

const PAIRS = { minimum: 1, maximum: 2_500_000, default: 3000 } as const;

/** Settings of the protocol `verification`. */
export const VerificationSettings = Type.Object(
  {
    pairs: Type.Optional(
      Type.String({
        minLength: 5,
        maxLength: 512,
        pattern: '\\.(csv|txt|bin)$',
        description:
          'File within the dataset: `.csv` with the columns left, right and same, `.txt` in the form of LFW’s pairs.txt, or InsightFace’s `.bin`. Left out, pairs are drawn with the seed.',
      }),
    ),
    genuinePairs: Type.Integer({
      ...PAIRS,
      description: 'Pairs of one identity to draw; all, where fewer exist.',
    }),
    impostorPairs: Type.Integer({
      ...PAIRS,
      description: 'Pairs of two identities to draw; all, where fewer exist.',
    }),
    folds: Type.Integer({ minimum: 2, maximum: 100, default: 10, description: 'Of the LFW protocol.' }),
    shuffleFolds: Type.Boolean({
      default: false,
      description:
        'Deals the pairs to the folds at random; false keeps their order, as the LFW protocol does.',
    }),
    bootstrapSamples: Type.Integer({
      minimum: 0,
      maximum: 10_000,
      default: 200,
      description: 'Times that the pairs are drawn again for the confidence intervals; 0 leaves them out.',
    }),
    confidenceLevel: Type.Number({ minimum: 0.5, maximum: 0.999, default: 0.95 }),
  },
  { additionalProperties: false },
);
