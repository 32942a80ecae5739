import { Type } from 'typebox';

/** The backbones that a training may ask for. */
export const BACKBONES = [
  'mobilefacenet',
  'mbf',
  'iresnet18',
  'iresnet34',
  'iresnet50',
  'iresnet100',
] as const;

/** The network that turns an image into an embedding. */
export const networkFields = {
  backbone: Type.Enum([...BACKBONES], {
    default: 'mobilefacenet',
    description:
      'Millions of parameters at embeddingSize 512: mobilefacenet 1.2, mbf 2.1, iresnet18 24, iresnet34 34, iresnet50 44, iresnet100 65.',
  }),
  embeddingSize: Type.Integer({
    minimum: 2,
    maximum: 4096,
    default: 128,
    description: 'Length of the vector.',
  }),
  imageSize: Type.Integer({
    minimum: 32,
    maximum: 512,
    multipleOf: 16,
    default: 112,
    description:
      'Side of the square images that the network sees, in pixels; every network halves it four times.',
  }),
  dropout: Type.Number({
    minimum: 0,
    maximum: 0.9,
    default: 0,
    description: 'Share of the features that a training step drops before the last linear layer.',
  }),
};
