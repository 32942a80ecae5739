import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';

/**
 * Values from N(0, deviation²), from the job's own generator, so that a seed means the same on every device.
 * Without a generator, zeros.
 */
export function normalTensor(shape: readonly number[], deviation: number, random: Random | null): Tensor {
  const { tf } = loadTensorFlow();
  if (random === null) return tf.zeros([...shape], 'float32');
  const size = shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 1) values[i] = random.normal() * deviation;
  return tf.tensor(values, [...shape], 'float32');
}

/** Kaiming's normal initialisation by fan-out: std = sqrt(2 / (k² · outputs)). */
export function kaimingFanOut(kernel: number, outputs: number): number {
  return Math.sqrt(2 / (kernel * kernel * outputs));
}
