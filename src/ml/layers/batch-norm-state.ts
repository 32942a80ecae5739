import type { Layer, NetworkBuffer, Parameter } from './layer.js';

/** PyTorch's defaults, which InsightFace trains with; `momentum` in Keras's sense, the share of the old value. */
export const BATCH_NORM_MOMENTUM = 0.9;
export const BATCH_NORM_EPSILON = 1e-5;

/** What a batch norm owns: gamma and beta, moving mean and variance, each [c]. */
export type BatchNormState = {
  readonly name: string;
  readonly parameters: readonly [gamma: Parameter, beta: Parameter];
  readonly buffers: readonly [mean: NetworkBuffer, variance: NetworkBuffer];
};

/** The two passes over a state, by our kernels or by TensorFlow's operations; ownership as in `Layer`. */
export type BatchNormSteps = Pick<Layer, 'forward' | 'backward'>;
