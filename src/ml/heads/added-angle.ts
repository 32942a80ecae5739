/** Below this, sin² counts as this: the slope stays finite at cos = ±1. */
const EPSILON = 1e-9;

export type AddedAngle = {
  readonly value: number;
  /** Derivative with respect to the cosine. */
  readonly slope: number;
  /** Derivative with respect to the margin. */
  readonly marginSlope: number;
};

/** cos(θ + m) for cos θ, with its derivatives: −sin(θ + m) with respect to m, sin(θ + m) / sin θ to cos θ. */
export function addAngle(cosine: number, marginRadians: number): AddedAngle {
  const sine = Math.sqrt(Math.max(1 - cosine * cosine, EPSILON));
  const cosM = Math.cos(marginRadians);
  const sinM = Math.sin(marginRadians);
  return {
    value: cosine * cosM - sine * sinM,
    slope: cosM + (cosine * sinM) / sine,
    marginSlope: -(sine * cosM + cosine * sinM),
  };
}

/**
 * As `addAngle`, continued where θ + m would pass π by the line cos θ − m·sin m. The continuation keeps the target
 * monotonic: without it, an image opposite to its centre gains by staying there, and training can collapse with a
 * loss near 0. InsightFace's MXNet code has the same line.
 */
export function addAngleWithFallback(cosine: number, marginRadians: number): AddedAngle {
  if (!(cosine <= Math.cos(Math.PI - marginRadians))) return addAngle(cosine, marginRadians);
  const sinM = Math.sin(marginRadians);
  return {
    value: cosine - marginRadians * sinM,
    slope: 1,
    marginSlope: -sinM - marginRadians * Math.cos(marginRadians),
  };
}

/** As `addAngle` within 90° of the centre, and the plain cosine beyond ("easy margin"). */
export function addAngleWhenNear(cosine: number, marginRadians: number): AddedAngle {
  if (cosine <= 0) return { value: cosine, slope: 1, marginSlope: 0 };
  return addAngle(cosine, marginRadians);
}
