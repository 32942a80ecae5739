import type { Random } from '../random.js';
import type { Rectangle } from './pixels.js';

/** Shapes that are tried before giving up on one that fits. */
const TRIES = 10;

export type RectangleRange = {
  /** Share of the image's area. */
  readonly minArea: number;
  readonly maxArea: number;
  /** Width over height is between this and its inverse. */
  readonly minAspectRatio: number;
};

/**
 * A rectangle at a random place: its area drawn evenly, its aspect ratio evenly in the logarithm (so that wide and tall are
 * as likely), as torchvision's RandomResizedCrop and RandomErasing do.
 * @returns null when none of ten shapes fits into the image
 */
export function drawRectangle(size: number, range: RectangleRange, random: Random): Rectangle | null {
  const { minArea, maxArea, minAspectRatio } = range;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const area = size * size * (minArea + random.next() * (maxArea - minArea));
    const aspectRatio = Math.exp((1 - 2 * random.next()) * Math.log(minAspectRatio));
    const width = Math.max(1, Math.round(Math.sqrt(area * aspectRatio)));
    const height = Math.max(1, Math.round(Math.sqrt(area / aspectRatio)));
    if (width > size || height > size) continue;
    return {
      width,
      height,
      left: random.integer(size - width + 1),
      top: random.integer(size - height + 1),
    };
  }
  return null;
}
