/** Figures of one class; null where there is nothing to take a share of. */
export type ClassFigures = {
  /** Of the images predicted to be of the class, the share that are. */
  readonly precision: number | null;
  /** Of the class's images, the share predicted to be of it. */
  readonly recall: number | null;
  /** Harmonic mean of the two, 2·right / (images + predicted); null when no image is of the class or predicted so. */
  readonly f1: number | null;
};

/** @param counts of one class: its images, those predicted to be of it, and those that are both */
export function classFigures(counts: {
  readonly images: number;
  readonly predicted: number;
  readonly correct: number;
}): ClassFigures {
  const { images, predicted, correct } = counts;
  return {
    precision: ratio(correct, predicted),
    recall: ratio(correct, images),
    f1: ratio(2 * correct, images + predicted),
  };
}

/** null where there is nothing to take a share of. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** The mean of the values that are known; null when none is. */
export function meanOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Rank of the label's logit, from 1; of equal logits the class with the lower index comes first, as it is predicted. */
export function rankOfLabel(logits: ArrayLike<number>, label: number): number {
  const own = logits[label] as number;
  let rank = 1;
  for (let i = 0; i < logits.length; i += 1) {
    const logit = logits[i] as number;
    if (logit > own || (logit === own && i < label)) rank += 1;
  }
  return rank;
}
