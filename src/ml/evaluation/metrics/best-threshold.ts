import type { ScoreCounts } from './score-counts.js';
import { squaredL2OfCosine } from './threshold-units.js';

export type BestThreshold = {
  /** Share of pairs judged rightly at the threshold. */
  readonly accuracy: number;
  /** The highest of the best thresholds; null when the best is to accept no pair. */
  readonly threshold: number | null;
  readonly thresholdSquaredL2: number | null;
};

/**
 * The threshold with the highest accuracy, of all distinct scores. It is fitted to the very pairs that it is judged on:
 * for an honest accuracy use the folds. null when there is no pair.
 */
export function bestThreshold(counts: ScoreCounts): BestThreshold | null {
  const pairs = counts.genuinePairs + counts.impostorPairs;
  if (pairs === 0) return null;
  let right = counts.impostorPairs;
  let best = { right, threshold: null as number | null };
  for (let i = 0; i < counts.thresholds.length; i += 1) {
    right += (counts.genuine[i] as number) - (counts.impostor[i] as number);
    if (right > best.right) best = { right, threshold: counts.thresholds[i] as number };
  }
  const { threshold } = best;
  return { accuracy: best.right / pairs, threshold, thresholdSquaredL2: squaredL2OfCosine(threshold) };
}
