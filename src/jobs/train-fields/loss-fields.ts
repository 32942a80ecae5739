import { Type } from 'typebox';

/** The head over the embeddings: what the training minimises. */
export const lossFields = {
  scale: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1000,
      description: "ArcFace's s. Left out: fitted to the number of classes, as the job result then states.",
    }),
  ),
  margin: Type.Number({
    minimum: 0,
    maximum: 1.5,
    default: 0.5,
    description: 'Angular margin m, in radians.',
  }),
};
