import type { ImageEntry } from '../image-entry.js';
import type { Random } from '../random.js';
import { drawClassBalanced } from './class-balanced.js';
import { drawClassesByImages } from './p-by-k.js';

/** Which images an epoch goes through, and in which order. */
export type SamplerSettings = {
  /** Left out: `each-image`. */
  readonly sampler?: 'each-image' | 'class-balanced' | 'p-by-k' | undefined;
  /** Whether `each-image` takes a new order in each epoch; the others draw at random in any case. */
  readonly shuffle: boolean;
  /** P and K of `p-by-k`; their product is the batch size. */
  readonly classesPerBatch?: number | undefined;
  readonly imagesPerClass?: number | undefined;
};

/**
 * The images of one epoch in order, an image perhaps more than once; cut into batches one after another.
 * @throws MlError `too_few_classes` when `p-by-k` asks for more classes than there are
 */
export function sampleEpoch(
  images: readonly ImageEntry[],
  settings: SamplerSettings,
  random: Random,
): readonly ImageEntry[] {
  const { sampler = 'each-image', shuffle, classesPerBatch, imagesPerClass } = settings;
  if (sampler === 'class-balanced') return drawClassBalanced(images, random);
  if (sampler === 'each-image') return shuffle ? random.shuffle(images) : images;
  if (classesPerBatch === undefined || imagesPerClass === undefined) {
    throw new Error('expected classesPerBatch and imagesPerClass for the sampler p-by-k; found nothing');
  }
  return drawClassesByImages(images, { classesPerBatch, imagesPerClass }, random);
}
