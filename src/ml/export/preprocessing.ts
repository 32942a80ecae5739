import type { Preprocessing } from './model-files.js';

/** What the decoders do to an image, written beside each model so that others can do the same. */
export function preprocessingOf(imageSize: number): Preprocessing {
  return { imageSize, colour: 'RGB', fit: 'contain', mean: 127.5, divisor: 127.5 };
}
