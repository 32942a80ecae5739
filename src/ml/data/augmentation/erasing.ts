import type { Random } from '../random.js';
import type { Pixels } from './pixels.js';
import { drawRectangle, type RectangleRange } from './random-rectangle.js';

/**
 * Covers a random rectangle with noise: every value drawn evenly from 0 … 255 (Zhong and others, "Random Erasing Data Augmentation",
 * 2020). Where none fits, the image stays.
 */
export function eraseRectangle(pixels: Pixels, size: number, range: RectangleRange, random: Random): Pixels {
  const rectangle = drawRectangle(size, range, random);
  if (rectangle === null) return pixels;
  const { left, top, width, height } = rectangle;
  const erased = Uint8Array.from(pixels);
  for (let y = top; y < top + height; y += 1) {
    const start = 3 * (y * size + left);
    for (let i = start; i < start + 3 * width; i += 1) erased[i] = random.integer(256);
  }
  return erased;
}
