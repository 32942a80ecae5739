import { negativeLogLikelihood } from './likelihood.js';

/** Logits of images of known classes. */
export type LabelledLogits = {
  /** [n, classes] row by row. */
  readonly logits: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly classes: number;
};

export type TemperatureFit = {
  readonly temperature: number;
  /** Mean negative log likelihood at it, in nats. */
  readonly nll: number;
  /** The likelihood still grew at the end of the range: all images are right (lowest) or the logits say nothing (highest). */
  readonly atBound: boolean;
};

/** The temperatures that a request may have. */
const LOWEST = 1e-3;
const HIGHEST = 1e3;
const BISECTIONS = 200;

/**
 * The temperature with the smallest negative log likelihood (Guo et al. 2017, arXiv:1706.04599). In β = 1 / temperature
 * the loss is convex, so its slope, mean(Σ p·z − z_label), crosses 0 once: found by bisection to the last bit.
 * @returns null without images
 */
export function fitTemperature(data: LabelledLogits): TemperatureFit | null {
  if (data.labels.length === 0) return null;
  let low = 1 / HIGHEST;
  let high = 1 / LOWEST;
  if (slope(data, low) >= 0) return fitAt(data, HIGHEST, true);
  if (slope(data, high) <= 0) return fitAt(data, LOWEST, true);
  for (let i = 0; i < BISECTIONS; i += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (slope(data, middle) < 0) low = middle;
    else high = middle;
  }
  return fitAt(data, 1 / low, false);
}

/** Mean negative log likelihood in nats; null without images. */
export function meanNll({ logits, labels, classes }: LabelledLogits, temperature: number): number | null {
  let sum = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const values = logits.subarray(row * classes, (row + 1) * classes);
    sum += negativeLogLikelihood(values, labels[row] as number, temperature);
  }
  return labels.length === 0 ? null : sum / labels.length;
}

function fitAt(data: LabelledLogits, temperature: number, atBound: boolean): TemperatureFit {
  return { temperature, nll: meanNll(data, temperature) ?? Number.NaN, atBound };
}

/** Of the mean loss along β. */
function slope({ logits, labels, classes }: LabelledLogits, beta: number): number {
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const start = row * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + classes; i += 1) largest = Math.max(largest, logits[i] as number);
    let sum = 0;
    let weighted = 0;
    for (let i = start; i < start + classes; i += 1) {
      const below = (logits[i] as number) - largest;
      const power = Math.exp(below * beta);
      sum += power;
      weighted += power * below;
    }
    total += weighted / sum - ((logits[start + (labels[row] as number)] as number) - largest);
  }
  return total / labels.length;
}
