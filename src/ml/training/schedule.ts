export type ScheduleOptions = {
  /** Learning rate at the end of warm-up. */
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
};

/**
 * Learning rate of a step, from 0: a linear climb over the warm-up, then a linear fall that would reach 0 at
 * `totalSteps` (arcface_torch's polynomial schedule with power 1). A warm-up longer than the run only climbs.
 */
export function learningRateAt(step: number, { peak, warmupSteps, totalSteps }: ScheduleOptions): number {
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  const decaySteps = totalSteps - warmupSteps;
  return peak * Math.max(0, 1 - (step - warmupSteps) / decaySteps);
}
