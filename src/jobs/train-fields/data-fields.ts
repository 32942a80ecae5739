import { Type } from 'typebox';
import { augmentationField } from './augmentation-field.js';

/** The ways to choose the images of an epoch. */
export const SAMPLERS = ['each-image', 'class-balanced', 'p-by-k'] as const;

/** The ways to hold images out. */
export const SPLITS = ['image', 'identity', 'manifest'] as const;

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
  sampler: Type.Enum([...SAMPLERS], {
    default: 'each-image',
    description:
      'What an epoch goes through: each image once; as many images, of each class equally many; or batches of ' +
      'classesPerBatch classes with imagesPerClass images each.',
  }),
  classesPerBatch: Type.Optional(
    Type.Integer({
      minimum: 2,
      maximum: 4096,
      description: 'P of the sampler p-by-k. Times imagesPerClass it must give batchSize.',
    }),
  ),
  imagesPerClass: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 4096,
      description: 'K of the sampler p-by-k. A class with fewer images repeats them.',
    }),
  ),
  split: Type.Optional(
    Type.Enum([...SPLITS], {
      description:
        'How images are held out: a share of each class ("image"), whole classes for a verification later ("identity"), or ' +
        'as the manifest says ("manifest"). Left out: "manifest" where the manifest has a split column, else "image".',
    }),
  ),
  augmentation: augmentationField,
  validationFraction: Type.Number({
    minimum: 0,
    maximum: 0.5,
    default: 0.1,
    description:
      'Share of each class held out and scored after every epoch; 0 turns validation off. With the split "identity" the ' +
      'share of the classes; not read with "manifest".',
  }),
  seed: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 1 }),
};
