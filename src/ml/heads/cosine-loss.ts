import type { NetworkBuffer } from '../layers/layer.js';

/** What a loss makes of an image's cosine with its own class: the cosine with margin, and how it moves. */
export type TargetCosine = {
  readonly value: number;
  /** Derivative of `value` with respect to the cosine. */
  readonly slope: number;
  /** Derivative of `value` with respect to the embedding's length, where the margin depends on it. */
  readonly normSlope?: number;
};

/** Other classes whose cosine c lies above `above` count as c · (linear + c) in place of c. */
export type HardNegatives = { readonly above: number; readonly linear: number };

/**
 * What tells one loss over cosines from another. The head does the rest: normalising, cosines, softmax with cross
 * entropy, and the chain rule back. Cosines lie in [−1, 1], or are NaN, and NaN must stay NaN.
 */
export type CosineLoss = {
  /** The target function. `norm` is the embedding's length; `marginFactor` in 0 … 1 multiplies the margin. */
  readonly target: (cosine: number, norm: number, marginFactor: number) => TargetCosine;
  /** Called with the whole batch before `target`, to move running statistics. */
  readonly observe?: (cosines: readonly number[], norms: readonly number[]) => void;
  /** Which of an image's other classes are hard, from the cosine with its own. Left out: none. */
  readonly hardNegatives?: (cosine: number, marginFactor: number) => HardNegatives;
  /** A term of the loss that depends on an embedding's length alone. */
  readonly normPenalty?: (norm: number) => { readonly value: number; readonly slope: number };
  /** The embedding's length takes the place of the scale s. */
  readonly isScaledByNorm?: boolean;
  readonly buffers?: readonly NetworkBuffer[];
};
