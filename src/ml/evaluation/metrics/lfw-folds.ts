import { createRandom } from '../../data/random.js';
import { assertFinite } from './score-counts.js';

/** Thresholds of the LFW protocol as InsightFace and facenet run it: 0, 0.01, … 3.99 in squared L2. */
const THRESHOLDS = 400;
const STEP = 0.01;

export type FoldedPairs = {
  /** Squared Euclidean distances of unit embeddings, [pairs]. */
  readonly squaredL2: ArrayLike<number>;
  readonly genuine: ArrayLike<number>;
};

export type FoldOptions = {
  readonly folds: number;
  /** Seed of the order in which pairs are dealt to folds; null keeps the pairs' own order, as the protocol does. */
  readonly shuffleSeed: number | null;
};

export type Fold = {
  readonly pairs: number;
  readonly genuinePairs: number;
  readonly threshold: number;
  readonly accuracy: number;
};

export type FoldedAccuracy = {
  readonly folds: number;
  readonly shuffled: boolean;
  readonly mean: number;
  /** Of the folds' accuracies, the population's (divided by the number of folds), as numpy's `std`. */
  readonly standardDeviation: number;
  /** Folds with genuine pairs only or impostor pairs only: their accuracy is right but says one half of the story. */
  readonly singleClassFolds: number;
  readonly perFold: readonly Fold[];
};

/**
 * Accuracy of the Labeled Faces in the Wild protocol (Huang et al. 2007): the threshold is the first that is best on
 * all folds but one, and is judged on that one. A pair is accepted when its distance is below the threshold. Folds are
 * runs of pairs, the first ones longer by one when the number does not divide.
 * @returns null when there are fewer pairs than folds
 * @throws MlError `scores_not_finite`
 */
export function foldedAccuracy(
  pairs: FoldedPairs,
  { folds, shuffleSeed }: FoldOptions,
): FoldedAccuracy | null {
  const count = pairs.genuine.length;
  if (count < folds) return null;
  assertFinite(pairs.squaredL2);
  const order = Array.from({ length: count }, (_, index) => index);
  const dealt = shuffleSeed === null ? order : createRandom(shuffleSeed).shuffle(order);
  const starts = Array.from({ length: folds + 1 }, (_, fold) => startOf(fold, count, folds));
  const counts = Array.from({ length: folds }, (_, fold) =>
    countRight(pairs, dealt.slice(starts[fold], starts[fold + 1])),
  );
  const total = new Float64Array(THRESHOLDS).map((_, i) =>
    counts.reduce((sum, { right }) => sum + (right[i] as number), 0),
  );
  const perFold = counts.map(({ right, pairs: tested, genuinePairs }) => {
    const trained = total.map((value, i) => value - (right[i] as number));
    const best = trained.reduce((at, value, i) => (value > (trained[at] as number) ? i : at), 0);
    return {
      pairs: tested,
      genuinePairs,
      threshold: best * STEP,
      accuracy: (right[best] as number) / tested,
    };
  });
  const mean = perFold.reduce((sum, { accuracy }) => sum + accuracy, 0) / folds;
  const variance = perFold.reduce((sum, { accuracy }) => sum + (accuracy - mean) ** 2, 0) / folds;
  return {
    folds,
    shuffled: shuffleSeed !== null,
    mean,
    standardDeviation: Math.sqrt(variance),
    singleClassFolds: perFold.filter((fold) => fold.genuinePairs === 0 || fold.genuinePairs === fold.pairs)
      .length,
    perFold,
  };
}

function startOf(fold: number, count: number, folds: number): number {
  return fold * Math.floor(count / folds) + Math.min(fold, count % folds);
}

/** The number of pairs judged rightly at each threshold, [THRESHOLDS]. */
function countRight({ squaredL2, genuine }: FoldedPairs, indices: readonly number[]) {
  // A pair is accepted from its bin on: genuine pairs become right there, impostor pairs wrong.
  const change = new Float64Array(THRESHOLDS + 1);
  let genuinePairs = 0;
  for (const index of indices) {
    const bin = firstThresholdAbove(squaredL2[index] as number);
    const isGenuine = Boolean(genuine[index]);
    if (isGenuine) genuinePairs += 1;
    change[bin] = (change[bin] as number) + (isGenuine ? 1 : -1);
  }
  let right = indices.length - genuinePairs;
  const counts = new Float64Array(THRESHOLDS);
  for (let i = 0; i < THRESHOLDS; i += 1) {
    right += change[i] as number;
    counts[i] = right;
  }
  return { right: counts, pairs: indices.length, genuinePairs };
}

/** Index of the first threshold above the distance; `THRESHOLDS` when there is none. */
function firstThresholdAbove(distance: number): number {
  let index = Math.min(THRESHOLDS, Math.max(0, Math.floor(distance / STEP) - 1));
  while (index < THRESHOLDS && distance >= index * STEP) index += 1;
  return index;
}
