import type { CosineLoss } from './cosine-loss.js';

/** NormFace (Wang et al. 2017, arXiv:1704.06369): softmax over s·cos θ, without margin. */
export function normface(): CosineLoss {
  return { target: (cosine) => ({ value: cosine, slope: 1 }) };
}
