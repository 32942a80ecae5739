import type { CosineLoss } from './cosine-loss.js';
import { readScalar, scalarBuffer, writeScalar } from './scalar-buffer.js';

export type SpherefaceSettings = {
  /** m, a whole number: the angle is multiplied by it. */
  readonly marginAngleMultiplier: number;
  /** λ = max(floor, start / (1 + decay · iteration)). */
  readonly sphereLambdaStart: number;
  readonly sphereLambdaDecay: number;
  readonly sphereLambdaFloor: number;
};

/**
 * SphereFace (Liu et al. 2017, arXiv:1704.08063): the target is (λ·cos θ + ψ(θ)) / (1 + λ) with
 * ψ = (−1)^k · cos(mθ) − 2k and k = ⌊mθ/π⌋, times the embedding's length in place of a scale. λ falls with the
 * iterations, from nearly no margin to most of it.
 */
export function sphereface(settings: SpherefaceSettings): CosineLoss {
  const { marginAngleMultiplier: m, sphereLambdaStart, sphereLambdaDecay, sphereLambdaFloor } = settings;
  const iteration = scalarBuffer('head/iteration', 0);
  const lambda = () =>
    Math.max(sphereLambdaFloor, sphereLambdaStart / (1 + sphereLambdaDecay * readScalar(iteration)));
  return {
    isScaledByNorm: true,
    buffers: [iteration],
    observe: () => writeScalar(iteration, readScalar(iteration) + 1),
    target: (cosine, _norm, marginFactor) => {
      const share = marginFactor / (1 + lambda());
      const psi = multipliedAngle(cosine, m);
      return { value: cosine + share * (psi.value - cosine), slope: 1 + share * (psi.slope - 1) };
    },
  };
}

/** ψ and dψ/dcos θ = (−1)^k · m · sin(mθ)/sin θ; the quotient is a polynomial in cos θ, so it has no pole. */
function multipliedAngle(cosine: number, m: number): { value: number; slope: number } {
  const theta = Math.acos(cosine);
  // At θ = π the next branch would begin; the last one still holds there.
  const k = Math.min(Math.floor((m * theta) / Math.PI), m - 1);
  const sign = k % 2 === 0 ? 1 : -1;
  return { value: sign * Math.cos(m * theta) - 2 * k, slope: sign * m * chebyshevSecond(cosine, m - 1) };
}

/** U_n(cos θ) = sin((n + 1)θ) / sin θ, by its recurrence. */
function chebyshevSecond(cosine: number, n: number): number {
  let [previous, current] = [0, 1];
  for (let i = 0; i < n; i += 1) [previous, current] = [current, 2 * cosine * current - previous];
  return current;
}
