import { addAngle, addAngleWithFallback } from './added-angle.js';
import type { CosineLoss } from './cosine-loss.js';
import { movingAverage, readScalar, scalarBuffer } from './scalar-buffer.js';

export type CurricularfaceSettings = {
  /** m, in radians. */
  readonly margin: number;
  /** Share of the batch's mean that t takes in each step. */
  readonly curricularMomentum: number;
};

/**
 * CurricularFace (Huang et al. 2020, arXiv:2004.00288): ArcFace's target, and a class c that lies closer than the
 * target after its margin, cos θ_c > cos(θ + m), counts as cos θ_c · (t + cos θ_c). t follows the mean target cosine:
 * small at first, so that hard classes count little, and growing as the training gets on.
 */
export function curricularface({ margin, curricularMomentum }: CurricularfaceSettings): CosineLoss {
  const t = scalarBuffer('head/t', 0);
  return {
    buffers: [t],
    observe: (cosines) => movingAverage(t, mean(cosines), curricularMomentum),
    target: (cosine, _norm, marginFactor) => addAngleWithFallback(cosine, margin * marginFactor),
    hardNegatives: (cosine, marginFactor) => ({
      above: addAngle(cosine, margin * marginFactor).value,
      linear: readScalar(t),
    }),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
