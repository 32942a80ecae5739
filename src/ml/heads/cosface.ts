import type { CosineLoss } from './cosine-loss.js';

export type CosfaceSettings = { readonly margin: number };

/** CosFace (Wang et al. 2018, arXiv:1801.09414): the target is cos θ − m. */
export function cosface({ margin }: CosfaceSettings): CosineLoss {
  return { target: (cosine, _norm, marginFactor) => ({ value: cosine - margin * marginFactor, slope: 1 }) };
}
