import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runSingleOp } from '../engine/raw-op.js';

/**
 * The centres' gradient from that of the products: normalising a centre takes away the part along it, which is
 * radial / ‖w‖² · w. Consumes `gradient`, and writes into it where the kernel answers.
 * @param gradient [k, d], of the products with respect to the centres
 * @param centres [k, d]
 * @param radial [k], the sum over images of cosine times its gradient
 * @param inverseLengths [k], 1 / ‖w‖
 */
export function subtractRadial(
  gradient: Tensor2D,
  centres: Tensor2D,
  radial: Tensor,
  inverseLengths: Tensor,
): Tensor2D {
  const { tf, hasKernels } = loadTensorFlow();
  const shares = tf.tidy(() => tf.mul(radial, tf.square(inverseLengths)));
  const result = hasKernels
    ? runSingleOp('ArcqueueSubtractScaledRows', {}, [gradient, centres, shares])
    : composedSubtractScaledRows(gradient, centres, shares);
  tf.dispose([gradient, shares]);
  return result as Tensor2D;
}

/** Twin of the kernel: x − share · y, row by row. */
export function composedSubtractScaledRows(x: Tensor, y: Tensor, shares: Tensor): Tensor {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => tf.sub(x, tf.mul(y, tf.expandDims(shares, 1))));
}
