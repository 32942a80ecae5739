import { type TProperties, Type } from 'typebox';

/** The losses that a training may ask for. */
export const LOSSES = [
  'softmax',
  'normface',
  'cosface',
  'arcface',
  'combined',
  'sphereface',
  'curricularface',
  'adaface',
  'magface',
] as const;
export type Loss = (typeof LOSSES)[number];

/** The fields that belong to some losses only: a request may give one when its loss reads it. */
export const FIELDS_OF_LOSS: Readonly<Record<Loss, readonly string[]>> = {
  softmax: [],
  normface: ['scale'],
  cosface: ['scale', 'margin'],
  arcface: ['scale', 'margin', 'easyMargin'],
  combined: ['scale', 'marginAngleMultiplier', 'margin', 'marginCosine'],
  sphereface: ['marginAngleMultiplier', 'sphereLambdaStart', 'sphereLambdaDecay', 'sphereLambdaFloor'],
  curricularface: ['scale', 'margin', 'curricularMomentum'],
  adaface: ['scale', 'margin', 'adaConcentration', 'adaMomentum'],
  magface: [
    'scale',
    'easyMargin',
    'magNormLow',
    'magNormHigh',
    'magMarginLow',
    'magMarginHigh',
    'magRegularizer',
  ],
};

/** Read by every loss but softmax, which has no cosines. */
export const COSINE_FIELDS = ['subCenters', 'interclassFilter'] as const;

const share = (description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, description }));
const radians = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 1.5, description }));
const positive = (maximum: number, description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum, description }));

/** The head over the embeddings: what the training minimises. A field left out takes the default of the loss. */
export const lossFields = {
  loss: Type.Enum([...LOSSES], {
    default: 'arcface',
    description:
      'What the training minimises; see docs/losses.md for formulas, defaults and when to take which.',
  }),
  scale: Type.Optional(
    Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), Type.Literal('auto')], {
      description:
        'ArcFace\'s s, of every loss but softmax and sphereface. Left out or "auto": fitted to the number of classes, ' +
        'as the job result then states.',
    }),
  ),
  margin: radians(
    'Margin m in radians, for cosface as a cosine. Default: arcface and curricularface 0.5, cosface and adaface 0.4, ' +
      'combined 0.3.',
  ),
  marginAngleMultiplier: Type.Optional(
    Type.Number({
      minimum: 1,
      maximum: 8,
      description:
        'What the angle is multiplied by: m1 of combined (default 1), m of sphereface (4, a whole number).',
    }),
  ),
  marginCosine: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'm3 of combined, taken from the cosine. Default 0.2.',
    }),
  ),
  easyMargin: Type.Optional(
    Type.Boolean({
      description: 'No margin beyond 90° from the own centre. Default: arcface false, magface true.',
    }),
  ),
  subCenters: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10,
      description: 'Centres per class, the nearest of which counts; 3 suits noisy labels. Default 1.',
    }),
  ),
  sampleRate: share('PartialFC: share of the classes that a step looks at. Default 1, all.'),
  interclassFilter: share(
    "Cosine above which another class's logit counts as 0, against wrong labels. Default 1, off.",
  ),
  labelSmoothing: Type.Optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'Share of the target probability spread evenly over all classes. Default 0.',
    }),
  ),
  sphereLambdaStart: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1e6,
      description:
        'λ = max(floor, start / (1 + decay · iteration)); the margin counts 1 / (1 + λ). Default 1000.',
    }),
  ),
  sphereLambdaDecay: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1000, description: 'Decay in the λ of sphereface. Default 0.12.' }),
  ),
  sphereLambdaFloor: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1e6, description: 'Floor of the λ of sphereface. Default 5.' }),
  ),
  curricularMomentum: share('Share of the batch in the running mean t of curricularface. Default 0.01.'),
  adaConcentration: positive(10, 'h of adaface: how fast the margin changes with the length. Default 0.333.'),
  adaMomentum: share('Share of the batch in the running statistics of adaface. Default 0.01.'),
  magNormLow: positive(1e6, 'Length l from which the margin of magface grows. Default 10.'),
  magNormHigh: positive(1e6, 'Length u up to which the margin of magface grows. Default 110.'),
  magMarginLow: radians('Margin of magface at length l. Default 0.45.'),
  magMarginHigh: radians('Margin of magface at length u. Default 0.8.'),
  magRegularizer: positive(1e6, 'λ of magface: weight of the term that rewards length. Default 35.'),
} satisfies TProperties;
