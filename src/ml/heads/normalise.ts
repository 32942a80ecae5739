import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runSingleOp } from '../engine/raw-op.js';

/** A vector shorter than this counts as this long: gradients stay finite at zero. */
const SHORTEST = Math.sqrt(1e-9);
/** Stands for the largest entry of a vector of zeros. */
const SMALLEST_ENTRY = 1e-30;

export type Directions = {
  /** Rows of length 1, [n, d]; a row of zeros stays one. */
  readonly units: Tensor2D;
  /** [n, 1] */
  readonly lengths: Tensor2D;
};

/** Rows as directions and lengths. Each row is divided by its largest entry first, so that no square overflows. */
export function normaliseRows(x: Tensor): Directions {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => {
    const largest = tf.maximum(tf.max(tf.abs(x), 1, true), SMALLEST_ENTRY);
    const length = tf.norm(tf.div(x, largest), 'euclidean', 1, true);
    const lengths = tf.maximum(tf.mul(length, largest), SHORTEST) as Tensor2D;
    return { units: tf.div(x, lengths) as Tensor2D, lengths };
  });
}

/** Gradient through x ↦ x/‖x‖: what is left of `dUnits` once its part along x is removed, over ‖x‖. */
export function throughNormalisation(dUnits: Tensor, { units, lengths }: Directions): Tensor2D {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => {
    const along = tf.sum(tf.mul(dUnits, units), 1, true);
    return tf.div(tf.sub(dUnits, tf.mul(units, along)), lengths) as Tensor2D;
  });
}

/** 1 / length of each row of [n, d], without a temporary of its size. */
export function inverseLengths(x: Tensor): Tensor1D {
  const { tf } = loadTensorFlow();
  const types = { T: { dtype: 'float32' }, Tidx: { dtype: 'int32' }, keep_dims: { bool: false } } as const;
  return tf.tidy(() => {
    const lengths = runSingleOp('EuclideanNorm', types, [x, tf.tensor1d([1], 'int32')]);
    return tf.div(1, tf.maximum(lengths, SHORTEST)) as Tensor1D;
  });
}
