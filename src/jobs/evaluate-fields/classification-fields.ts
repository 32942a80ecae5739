import { Type } from 'typebox';

const auto = Type.Literal('auto', { description: 'The value that a calibration found.' });

/** The original tool's test. */
export const classificationFields = {
  classCount: Type.Optional(
    Type.Integer({ minimum: 2, maximum: 1_000_000, description: "Checked against the model's." }),
  ),
  threshold: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), auto], {
    default: 0.9,
    description:
      'A prediction counts as correct only at this confidence (softmax output) or above; 0 turns it off; `auto` takes that of a calibration.',
  }),
  temperature: Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), auto], {
    default: 5,
    description:
      'The softmax input is divided by it, so that confidences leave the extremes; `auto` takes that of a calibration.',
  }),
  shuffle: Type.Boolean({ default: true }),
  calibratedBy: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9-]+$',
      description:
        'Id of an evaluation of the same model with the protocol `calibration`: where `auto` comes from. Left out, it is the calibration that came with the model.',
    }),
  ),
};
