import { addAngleWhenNear, addAngleWithFallback } from './added-angle.js';
import type { CosineLoss } from './cosine-loss.js';

export type ArcfaceSettings = {
  /** m, in radians. */
  readonly margin: number;
  readonly easyMargin: boolean;
};

/**
 * ArcFace (Deng et al. 2019, arXiv:1801.07698): the target is cos(θ + m). Unlike arcface_torch's, its gradient runs
 * through the margin (docs/decisions/margin-gradient.md).
 */
export function arcface({ margin, easyMargin }: ArcfaceSettings): CosineLoss {
  const add = easyMargin ? addAngleWhenNear : addAngleWithFallback;
  return { target: (cosine, _norm, marginFactor) => add(cosine, margin * marginFactor) };
}
