/** How the rate falls after the warm-up. */
export type Decay =
  /** (1 − t)^power, t from 0 to 1; arcface_torch's with power 1. */
  | { readonly kind: 'polynomial'; readonly power: number }
  /** (1 + cos πt) / 2: Loshchilov and Hutter 2017, arXiv:1608.03983, one period. */
  | { readonly kind: 'cosine' }
  /** times gamma at each milestone, in epochs, that is reached. */
  | { readonly kind: 'step'; readonly milestones: readonly number[]; readonly gamma: number }
  | { readonly kind: 'constant' };

export type ScheduleOptions = {
  /** Learning rate at the end of warm-up. */
  readonly peak: number;
  /** What polynomial and cosine fall to at `totalSteps`; the others do not read it. */
  readonly final: number;
  readonly warmupSteps: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly decay: Decay;
};

/**
 * Learning rate of a step, from 0: a linear climb over the warm-up, then the decay over what is left. A warm-up
 * longer than the run only climbs.
 */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { peak, final, warmupSteps, stepsPerEpoch, totalSteps, decay } = options;
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  const done = Math.min(1, (step - warmupSteps) / (totalSteps - warmupSteps));
  switch (decay.kind) {
    case 'polynomial':
      return final + (peak - final) * (1 - done) ** decay.power;
    case 'cosine':
      return final + ((peak - final) * (1 + Math.cos(Math.PI * done))) / 2;
    case 'step':
      return peak * decay.gamma ** decay.milestones.filter((epoch) => epoch * stepsPerEpoch <= step).length;
    case 'constant':
      return peak;
  }
}

export type MarginStages = {
  /** Steps without any margin, as a plain normalised softmax. */
  readonly softmaxSteps: number;
  /** Steps after those in which the margin grows to its full size. */
  readonly warmupSteps: number;
};

/** Share of the margin at a step, from 0: none in the softmax stage, then a linear climb to 1. */
export function marginFactorAt(step: number, { softmaxSteps, warmupSteps }: MarginStages): number {
  if (step < softmaxSteps) return 0;
  if (step < softmaxSteps + warmupSteps) return (step - softmaxSteps + 1) / (warmupSteps + 1);
  return 1;
}
