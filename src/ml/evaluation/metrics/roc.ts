import type { ScoreCounts } from './score-counts.js';

/** Points from (0, 0) to (1, 1), one for each distinct score. */
export type RocCurve = {
  /** Infinity first: nothing is accepted there. */
  readonly thresholds: Float64Array;
  /** False accept rate (FPR, FMR): share of impostor pairs accepted at the threshold. */
  readonly falseAccept: Float64Array;
  /** True accept rate (TPR): share of genuine pairs accepted at the threshold. */
  readonly trueAccept: Float64Array;
};

/** Receiver operating characteristic over all distinct scores; null when there are no genuine or no impostor pairs. */
export function rocCurve(counts: ScoreCounts): RocCurve | null {
  const { genuine, impostor, genuinePairs, impostorPairs } = counts;
  if (genuinePairs === 0 || impostorPairs === 0) return null;
  const points = counts.thresholds.length + 1;
  const thresholds = new Float64Array(points).fill(Number.POSITIVE_INFINITY, 0, 1);
  thresholds.set(counts.thresholds, 1);
  const falseAccept = new Float64Array(points);
  const trueAccept = new Float64Array(points);
  let mates = 0;
  let strangers = 0;
  for (let i = 1; i < points; i += 1) {
    mates += genuine[i - 1] as number;
    strangers += impostor[i - 1] as number;
    falseAccept[i] = strangers / impostorPairs;
    trueAccept[i] = mates / genuinePairs;
  }
  return { thresholds, falseAccept, trueAccept };
}

/**
 * Area under the curve by trapezoids. Pairs that tie count half, as in the Mann-Whitney statistic: it is the chance
 * that a genuine pair scores higher than an impostor pair.
 */
export function areaUnderRoc({ falseAccept, trueAccept }: RocCurve): number {
  let area = 0;
  for (let i = 1; i < falseAccept.length; i += 1) {
    const width = (falseAccept[i] as number) - (falseAccept[i - 1] as number);
    area += (width * ((trueAccept[i] as number) + (trueAccept[i - 1] as number))) / 2;
  }
  return area;
}

export type DetCurve = {
  readonly thresholds: Float64Array;
  readonly falseAccept: Float64Array;
  /** False reject rate (FNR, FNMR): 1 − true accept rate. */
  readonly falseReject: Float64Array;
};

/** Detection error tradeoff (Martin et al. 1997): the two error rates at each threshold of the ROC. */
export function detCurve({ thresholds, falseAccept, trueAccept }: RocCurve): DetCurve {
  return { thresholds, falseAccept, falseReject: trueAccept.map((rate) => 1 - rate) };
}

/**
 * At most about `limit` points of a curve for a report, each as it is on the curve: even steps along both axes and along
 * the logarithm of the false accept rate, where the interesting part of a DET lies.
 */
export function thinCurve(curve: RocCurve, limit: number): RocCurve {
  const { falseAccept, trueAccept } = curve;
  const last = falseAccept.length - 1;
  if (last < limit) return curve;
  const steps = Math.floor(limit / 3);
  const smallest = Math.log(falseAccept.find((rate) => rate > 0) ?? 1);
  const kept = new Set([0, last]);
  for (let i = 0; i <= steps; i += 1) {
    kept.add(firstAtLeast(falseAccept, i / steps));
    kept.add(firstAtLeast(trueAccept, i / steps));
    kept.add(Math.max(0, firstAtLeast(falseAccept, Math.exp(smallest * (1 - i / steps))) - 1));
  }
  const indices = [...kept].sort((a, b) => a - b);
  const pick = (values: Float64Array) => Float64Array.from(indices, (index) => values[index] as number);
  return { thresholds: pick(curve.thresholds), falseAccept: pick(falseAccept), trueAccept: pick(trueAccept) };
}

/** Index of the first value ≥ `target` of an ascending array, or its last index. */
function firstAtLeast(ascending: Float64Array, target: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) >= target) high = middle;
    else low = middle + 1;
  }
  return low;
}
