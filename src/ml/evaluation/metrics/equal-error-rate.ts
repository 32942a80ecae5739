import type { RocCurve } from './roc.js';

export type EqualErrorRate = {
  readonly rate: number;
  /** The highest score at which the false accept rate has reached the false reject rate. */
  readonly threshold: number;
};

/** Where false accept rate = false reject rate on the ROC, with straight lines between its points. */
export function equalErrorRate({ thresholds, falseAccept, trueAccept }: RocCurve): EqualErrorRate {
  // The difference rises from −1 at the first point to 1 at the last.
  const difference = (i: number) => (falseAccept[i] as number) - 1 + (trueAccept[i] as number);
  let after = 1;
  while (difference(after) < 0) after += 1;
  const before = difference(after - 1);
  const share = before / (before - difference(after));
  const start = falseAccept[after - 1] as number;
  const rate = start + share * ((falseAccept[after] as number) - start);
  return { rate, threshold: thresholds[after] as number };
}
