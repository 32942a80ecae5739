import type { Random } from '../random.js';
import type { Pixels } from './pixels.js';
import { drawRectangle, type RectangleRange } from './random-rectangle.js';
import { resample } from './resample.js';

/** Cuts out a random rectangle and scales it to the whole square; where none fits, the image stays. */
export function randomResizedCrop(
  pixels: Pixels,
  size: number,
  range: RectangleRange,
  random: Random,
): Pixels {
  const rectangle = drawRectangle(size, range, random);
  return rectangle === null ? pixels : resample(pixels, size, rectangle, { width: size, height: size });
}
