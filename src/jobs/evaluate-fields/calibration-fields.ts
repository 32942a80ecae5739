import { Type } from 'typebox';

/** Settings of the protocol `calibration`. */
export const CalibrationSettings = Type.Object(
  {
    precision: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.99,
      description:
        'The share of accepted predictions that must be right at the threshold that is looked for.',
    }),
  },
  { additionalProperties: false },
);
