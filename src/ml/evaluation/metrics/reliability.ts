import { ratio } from './classification-figures.js';

export type ReliabilityBin = {
  /** Confidences in (from, to]; the first bin has 0 too. */
  readonly from: number;
  readonly to: number;
  readonly images: number;
  readonly accuracy: number | null;
  readonly meanConfidence: number | null;
};

export type Reliability = {
  /** Expected calibration error; null without images. */
  readonly ece: number | null;
  readonly bins: readonly ReliabilityBin[];
};

/**
 * Reliability diagram and expected calibration error in bins of equal width (Guo et al. 2017, arXiv:1706.04599):
 * ECE = Σ (images in bin / images) · |accuracy − mean confidence|.
 * @param confidences of the predictions, in [0, 1]
 * @param isCorrect 1 where the prediction is right
 */
export function reliability(
  confidences: ArrayLike<number>,
  isCorrect: ArrayLike<number>,
  binCount: number,
): Reliability {
  const sums = Array.from({ length: binCount }, () => ({ images: 0, correct: 0, confidence: 0 }));
  for (let i = 0; i < confidences.length; i += 1) {
    const confidence = confidences[i] as number;
    const bin = sums[Math.min(binCount - 1, Math.max(0, Math.ceil(confidence * binCount) - 1))];
    if (bin === undefined) throw new Error(`expected a confidence in [0, 1]; found ${confidence}`);
    bin.images += 1;
    bin.correct += isCorrect[i] ? 1 : 0;
    bin.confidence += confidence;
  }
  const gaps = sums.reduce((sum, { correct, confidence }) => sum + Math.abs(correct - confidence), 0);
  return {
    ece: ratio(gaps, confidences.length),
    bins: sums.map(({ images, correct, confidence }, bin) => ({
      from: bin / binCount,
      to: (bin + 1) / binCount,
      images,
      accuracy: ratio(correct, images),
      meanConfidence: ratio(confidence, images),
    })),
  };
}

export type PrecisionThreshold = {
  readonly threshold: number;
  /** Of the predictions accepted there, the share that are right. */
  readonly precision: number;
  /** Share of the predictions accepted there. */
  readonly coverage: number;
};

/**
 * The lowest confidence from which the accepted predictions reach a precision; null when none does. Strangers may be
 * among the predictions: they are never right.
 */
export function thresholdForPrecision(
  confidences: ArrayLike<number>,
  isCorrect: ArrayLike<number>,
  precision: number,
): PrecisionThreshold | null {
  const order = Array.from({ length: confidences.length }, (_, i) => i);
  order.sort((a, b) => (confidences[b] as number) - (confidences[a] as number));
  let correct = 0;
  let best: PrecisionThreshold | null = null;
  for (const [position, index] of order.entries()) {
    correct += isCorrect[index] ? 1 : 0;
    const accepted = position + 1;
    const next = order[accepted];
    // Predictions of one confidence are accepted together.
    if (next !== undefined && confidences[next] === confidences[index]) continue;
    if (correct / accepted < precision) continue;
    const coverage = accepted / order.length;
    best = { threshold: confidences[index] as number, precision: correct / accepted, coverage };
  }
  return best;
}
