import { clamping, type Pixels, type Rectangle } from './pixels.js';

/** The source positions that make up one target position, and their weights, which sum to 1. */
type Tap = { readonly first: number; readonly weights: readonly number[] };

/**
 * Scales a rectangle of an image to another size with a triangle filter: bilinear where it grows, and widened to average over what
 * it skips where it shrinks, as PIL does. Pixel centres lie at half coordinates.
 * @param pixels [_, sourceWidth, 3]
 * @returns [height, width, 3]
 */
export function resample(
  pixels: Pixels,
  sourceWidth: number,
  { left, top, width: fromWidth, height: fromHeight }: Rectangle,
  { width, height }: { readonly width: number; readonly height: number },
): Pixels {
  const columns = tapsOf(fromWidth, width);
  const rows = tapsOf(fromHeight, height);
  // [fromHeight, width, 3]
  const narrowed = new Float32Array(fromHeight * width * 3);
  for (let y = 0; y < fromHeight; y += 1) {
    const line = 3 * ((top + y) * sourceWidth + left);
    for (const [x, { first, weights }] of columns.entries()) {
      const to = 3 * (y * width + x);
      for (let i = 0; i < weights.length; i += 1) {
        const from = line + 3 * (first + i);
        const weight = weights[i] as number;
        for (let channel = 0; channel < 3; channel += 1)
          (narrowed[to + channel] as number) += weight * (pixels[from + channel] as number);
      }
    }
  }
  const scaled = new Uint8Array(height * width * 3);
  const target = clamping(scaled);
  const stride = 3 * width;
  for (const [y, { first, weights }] of rows.entries()) {
    for (let column = 0; column < stride; column += 1) {
      let sum = 0;
      for (let i = 0; i < weights.length; i += 1)
        sum += (weights[i] as number) * (narrowed[(first + i) * stride + column] as number);
      target[y * stride + column] = sum;
    }
  }
  return scaled;
}

function tapsOf(from: number, to: number): Tap[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const last = Math.min(from, Math.floor(centre + reach + 0.5));
    const raw = Array.from({ length: last - first }, (_, i) =>
      Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / reach),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: raw.map((weight) => weight / total) };
  });
}
