import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';

/** Values from N(0, deviation²), from the job's own generator, so that a seed means the same on every device. */
export function normalTensor(shape: readonly number[], deviation: number, random: Random): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, () => random.normal() * deviation);
  return loadTensorFlow().tf.tensor(values, [...shape], 'float32');
}

/** Kaiming's normal initialisation by fan-out, as arcface_torch's mbf uses: std = sqrt(2 / (k² · out / groups)). */
export function kaimingFanOut(kernel: number, outPerGroup: number): number {
  return Math.sqrt(2 / (kernel * kernel * outPerGroup));
}
