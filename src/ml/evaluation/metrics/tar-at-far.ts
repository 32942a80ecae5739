import type { RocCurve } from './roc.js';
import { squaredL2OfCosine } from './threshold-units.js';

/** The false accept rates that face verification is reported at (IJB, MFR). */
export const REPORTED_FARS = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] as const;

export type TarAtFar = {
  readonly far: number;
  readonly impostorPairs: number;
  /** Impostor pairs that may be accepted at this rate, far × impostorPairs: what the figure rests on. */
  readonly restsOn: number;
  /** True accept rate on straight lines between the ROC's points; null when `restsOn` is below 1. */
  readonly interpolated: number | null;
  /** The point of the ROC whose rate is nearest, as InsightFace's IJB evaluation takes it; null as above. */
  readonly nearest: { readonly far: number; readonly tar: number } | null;
  /** The lowest score at which no more than `far` is accepted falsely; null as above, or where no score is so low. */
  readonly threshold: number | null;
  readonly thresholdSquaredL2: number | null;
};

/** True accept rate at a false accept rate. A rate below 1 / impostorPairs cannot be known from the pairs. */
export function tarAtFar(roc: RocCurve, far: number, impostorPairs: number): TarAtFar {
  // 0.001 × 3000 is 3 and must not become 2.9999999999999996.
  const restsOn = Number((far * impostorPairs).toPrecision(12));
  const known = restsOn >= 1;
  const threshold = known ? lowestThreshold(roc, far) : null;
  return {
    far,
    impostorPairs,
    restsOn,
    interpolated: known ? interpolatedTar(roc, far) : null,
    nearest: known ? nearestPoint(roc, far) : null,
    threshold,
    thresholdSquaredL2: squaredL2OfCosine(threshold),
  };
}

/** Of several points at one false accept rate the last, the highest, counts. */
export function interpolatedTar({ falseAccept, trueAccept }: RocCurve, far: number): number {
  const at = lastAtMost(falseAccept, far);
  const next = falseAccept[at + 1];
  const tar = trueAccept[at] as number;
  if (next === undefined) return tar;
  const share = (far - (falseAccept[at] as number)) / (next - (falseAccept[at] as number));
  return tar + share * ((trueAccept[at + 1] as number) - tar);
}

function nearestPoint({ falseAccept, trueAccept }: RocCurve, far: number): { far: number; tar: number } {
  const below = lastAtMost(falseAccept, far);
  const above = falseAccept[below + 1];
  const at = above !== undefined && above - far <= far - (falseAccept[below] as number) ? below + 1 : below;
  // The last of the points at that rate has its highest true accept rate.
  const last = lastAtMost(falseAccept, falseAccept[at] as number);
  return { far: falseAccept[last] as number, tar: trueAccept[last] as number };
}

function lowestThreshold({ thresholds, falseAccept }: RocCurve, far: number): number | null {
  const threshold = thresholds[lastAtMost(falseAccept, far)] as number;
  return Number.isFinite(threshold) ? threshold : null;
}

/** Index of the last value ≤ `target` of an ascending array that starts at or below it. */
function lastAtMost(ascending: Float64Array, target: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ascending[middle] as number) <= target) low = middle;
    else high = middle - 1;
  }
  return low;
}
