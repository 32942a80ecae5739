import { clamping, type Pixels } from './pixels.js';

/** Where the Gaussian is cut off, in standard deviations. */
const REACH = 3;

/** Convolves with a Gaussian; the border pixels go on beyond the border. @param sigma in pixels, above 0 */
export function gaussianBlur(pixels: Pixels, size: number, sigma: number): Pixels {
  const weights = gaussian(sigma);
  const across = new Float32Array(pixels.length);
  const blurred = new Uint8Array(pixels.length);
  convolve(pixels, across, { size, weights, step: 3, line: 3 * size });
  convolve(across, clamping(blurred), { size, weights, step: 3 * size, line: 3 });
  return blurred;
}

/** Weights from −radius to radius, with sum 1. */
function gaussian(sigma: number): Float64Array {
  const radius = Math.ceil(REACH * sigma);
  const raw = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return raw.map((weight) => weight / sum);
}

type Direction = {
  readonly size: number;
  readonly weights: Float64Array;
  /** Values between two neighbours, and between two lines. */
  readonly step: number;
  readonly line: number;
};

function convolve(
  source: Uint8Array | Float32Array,
  target: Float32Array | Uint8ClampedArray,
  { size, weights, step, line }: Direction,
): void {
  const radius = (weights.length - 1) / 2;
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const to = y * line + x * step;
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (let i = 0; i < weights.length; i += 1) {
          const from = Math.min(size - 1, Math.max(0, x + i - radius));
          sum += (weights[i] as number) * (source[y * line + from * step + channel] as number);
        }
        target[to + channel] = sum;
      }
    }
  }
}
