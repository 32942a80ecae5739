import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { expect } from 'vitest';
import { loadTensorFlow } from '../../src/ml/engine/load-tensorflow.js';
import type { Layer } from '../../src/ml/layers/layer.js';

/** Step of the central difference: float32 loses more to rounding below, and to curvature above. */
const STEP = 1e-2;

/** Numeric gradient of `f` at `at`, by central differences. */
export function numericGradient(f: (x: Float32Array) => number, at: Float32Array): Float32Array {
  return at.map((_, index) => {
    const shifted = (offset: number) => f(at.map((value, i) => (i === index ? value + offset : value)));
    return (shifted(STEP) - shifted(-STEP)) / (2 * STEP);
  });
}

/** Largest difference, relative to the larger vector's largest entry. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let difference = 0;
  let size = 1e-12;
  for (let i = 0; i < a.length; i += 1) {
    difference = Math.max(difference, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)));
    size = Math.max(size, Math.abs(a[i] ?? 0), Math.abs(b[i] ?? 0));
  }
  return difference / size;
}

/** Seeded-looking values without a generator: irrational multiples folded into [-1, 1). */
export function spread(length: number, phase = 0): Float32Array {
  return Float32Array.from({ length }, (_, i) => 2 * (((i + 1) * 0.6180339887 + phase) % 1) - 1);
}

/**
 * Compares a layer's backward pass with finite differences of sum(weight · forward(x)), for the input and for
 * every parameter, and checks that all tensors that it made are gone afterwards.
 */
export function expectGradientsToMatch(layer: Layer, shape: number[], tolerance: number): void {
  const { tf } = loadTensorFlow();
  const size = shape.reduce((a, b) => a * b, 1);
  const at = spread(size, 0.3);
  const probe = layer.forward(tf.tensor(at, shape), false);
  const outputShape = probe.shape;
  probe.dispose();
  const weights = spread(
    outputShape.reduce((a, b) => a * b, 1),
    0.7,
  );

  const before = tf.memory().numTensors;
  const loss = (x: Float32Array): number => {
    const y = layer.forward(tf.tensor(x, shape), true);
    layer.backward(tf.zerosLike(y)).dispose();
    const values = y.dataSync() as Float32Array;
    y.dispose();
    return values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0);
  };
  const y = layer.forward(tf.tensor(at, shape), true);
  y.dispose();
  const dx = layer.backward(tf.tensor(weights, outputShape));
  const analytic = layer.parameters.map(({ gradient }) => (gradient as Tensor).dataSync() as Float32Array);
  expect(relativeError(dx.dataSync(), numericGradient(loss, at)), 'gradient of the input').toBeLessThan(
    tolerance,
  );
  dx.dispose();

  layer.parameters.forEach((parameter, index) => {
    const original = parameter.value;
    const lossAt = (values: Float32Array): number => {
      parameter.value = tf.tensor(values, original.shape);
      const result = loss(at);
      parameter.value.dispose();
      return result;
    };
    const numeric = numericGradient(lossAt, original.dataSync() as Float32Array);
    parameter.value = original;
    expect(relativeError(analytic[index] ?? [], numeric), `gradient of ${parameter.name}`).toBeLessThan(
      tolerance,
    );
  });
  for (const parameter of layer.parameters) {
    parameter.gradient?.dispose();
    parameter.gradient = null;
  }
  expect(tf.memory().numTensors).toBe(before);
}
