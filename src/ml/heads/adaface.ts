import type { CosineLoss } from './cosine-loss.js';
import { movingAverage, readScalar, scalarBuffer } from './scalar-buffer.js';

/** Lengths are held between these before they count as image quality. */
const [SHORTEST, LONGEST] = [1e-3, 100];
/** Added to the deviation, and kept between an angle and 0 or π, as the authors' code does. */
const EPSILON = 1e-3;

export type AdafaceSettings = {
  /** m, in radians and as a cosine alike. */
  readonly margin: number;
  /** h: share of the lengths' distribution, in deviations, over which the margin changes from end to end. */
  readonly adaConcentration: number;
  /** Share of the batch's statistics that the running ones take in each step. */
  readonly adaMomentum: number;
};

/**
 * AdaFace (Kim et al. 2022, arXiv:2204.00964): the target is cos(θ − m·q) − (m + m·q), where q in [−1, 1] is the
 * embedding's length, standardised by running statistics and times h. A long embedding (a good image) gets a margin that
 * presses hard on difficult images, a short one a margin that lets them go. No gradient runs through q, in the paper
 * as here.
 */
export function adaface({ margin, adaConcentration, adaMomentum }: AdafaceSettings): CosineLoss {
  const mean = scalarBuffer('head/normMean', 20);
  const deviation = scalarBuffer('head/normDeviation', 100);
  return {
    buffers: [mean, deviation],
    observe: (_cosines, norms) => {
      const lengths = norms.map(clampLength);
      const batchMean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
      movingAverage(mean, batchMean, adaMomentum);
      // A single image has no deviation: the running one stays.
      if (lengths.length > 1) movingAverage(deviation, sampleDeviation(lengths, batchMean), adaMomentum);
    },
    target: (cosine, norm, marginFactor) => {
      const spread = readScalar(deviation) + EPSILON;
      const quality = clamp(((clampLength(norm) - readScalar(mean)) / spread) * adaConcentration, -1, 1);
      const m = margin * marginFactor;
      const theta = Math.acos(cosine);
      const angle = theta - m * quality;
      const held = clamp(angle, EPSILON, Math.PI - EPSILON);
      const slope = held === angle ? Math.sin(angle) / Math.max(Math.sin(theta), EPSILON) : 0;
      return { value: Math.cos(held) - (m + m * quality), slope: Number.isNaN(angle) ? Number.NaN : slope };
    },
  };
}

/** With n − 1, as PyTorch's std. */
function sampleDeviation(values: readonly number[], mean: number): number {
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

function clampLength(norm: number): number {
  return clamp(norm, SHORTEST, LONGEST);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
