import { MlError } from '../ml-error.js';
import { addAngleWhenNear, addAngleWithFallback } from './added-angle.js';
import type { CosineLoss } from './cosine-loss.js';

export type MagfaceSettings = {
  readonly easyMargin: boolean;
  /** l and u: lengths between which the margin grows; beyond them it stays. */
  readonly magNormLow: number;
  readonly magNormHigh: number;
  /** The margin at l and at u, in radians. */
  readonly magMarginLow: number;
  readonly magMarginHigh: number;
  /** λ: weight of the term that rewards length. */
  readonly magRegularizer: number;
};

/**
 * MagFace (Meng et al. 2021, arXiv:2103.06627): ArcFace whose margin m(a) grows with the embedding's length a, and a
 * term λ·g(a), g(a) = a/u² + 1/a, that pulls easy images towards length u. The gradient runs into the length through both.
 * @throws MlError `magface_regularizer_too_small` when λ is below the bound under which a has no single optimum
 */
export function magface(settings: MagfaceSettings, scale: number): CosineLoss {
  const { easyMargin, magNormLow, magNormHigh, magMarginLow, magRegularizer } = settings;
  const bound = smallestRegularizer(settings, scale);
  if (magRegularizer < bound) {
    throw new MlError(
      'magface_regularizer_too_small',
      'user',
      `Expected a magRegularizer of at least ${bound.toFixed(2)} for a scale of ${scale}; found ${magRegularizer}.`,
    );
  }
  const growth = marginGrowth(settings);
  const add = easyMargin ? addAngleWhenNear : addAngleWithFallback;
  const clampNorm = (norm: number) => Math.min(Math.max(norm, magNormLow), magNormHigh);
  return {
    target: (cosine, norm, marginFactor) => {
      const length = clampNorm(norm);
      const margin = magMarginLow + growth * (length - magNormLow);
      const { value, slope, marginSlope } = add(cosine, margin * marginFactor);
      return { value, slope, normSlope: length === norm ? marginSlope * growth * marginFactor : 0 };
    },
    normPenalty: (norm) => {
      const length = clampNorm(norm);
      return {
        value: magRegularizer * (length / magNormHigh ** 2 + 1 / length),
        slope: length === norm ? magRegularizer * (1 / magNormHigh ** 2 - 1 / length ** 2) : 0,
      };
    },
  };
}

/** The paper's lower bound of λ: s · K · u²l² / (u² − l²), with K the growth of the margin with the length. */
export function smallestRegularizer(settings: MagfaceSettings, scale: number): number {
  const [low, high] = [settings.magNormLow ** 2, settings.magNormHigh ** 2];
  return (scale * marginGrowth(settings) * low * high) / (high - low);
}

function marginGrowth({ magNormLow, magNormHigh, magMarginLow, magMarginHigh }: MagfaceSettings): number {
  return (magMarginHigh - magMarginLow) / (magNormHigh - magNormLow);
}
