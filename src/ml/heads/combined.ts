import type { CosineLoss, TargetCosine } from './cosine-loss.js';

/** Below this, sin θ counts as this: the slope stays finite at cos = ±1. */
const SMALLEST_SINE = Math.sqrt(1e-9);

export type CombinedSettings = {
  /** m1, at least 1. */
  readonly marginAngleMultiplier: number;
  /** m2, in radians. */
  readonly margin: number;
  /** m3, taken from the cosine. */
  readonly marginCosine: number;
};

/**
 * The combined margin of ArcFace's paper (section 3.1): the target is cos(m1·θ + m2) − m3. Where m1·θ + m2 would pass
 * π, a line of slope 1 in cos θ goes on from there, so that the target is monotonic and has no jump.
 */
export function combined({ marginAngleMultiplier, margin, marginCosine }: CombinedSettings): CosineLoss {
  return {
    target: (cosine, _norm, marginFactor) =>
      combinedTarget(cosine, {
        marginAngleMultiplier: 1 + (marginAngleMultiplier - 1) * marginFactor,
        margin: margin * marginFactor,
        marginCosine: marginCosine * marginFactor,
      }),
  };
}

function combinedTarget(cosine: number, settings: CombinedSettings): TargetCosine {
  const { marginAngleMultiplier: m1, margin: m2, marginCosine: m3 } = settings;
  const turn = Math.cos((Math.PI - m2) / m1);
  if (cosine < turn) return { value: cosine - turn - 1 - m3, slope: 1 };
  const theta = Math.acos(cosine);
  const angle = m1 * theta + m2;
  const slope = (m1 * Math.sin(angle)) / Math.max(Math.sin(theta), SMALLEST_SINE);
  return { value: Math.cos(angle) - m3, slope };
}
