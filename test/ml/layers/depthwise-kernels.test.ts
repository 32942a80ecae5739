import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { tensorflowConvolution } from '../../../src/ml/layers/convolution.js';
import { findDepthwiseKernels } from '../../../src/ml/layers/convolution-kernels.js';
import { DEPTHWISE_OPS, DepthwiseConv2d } from '../../../src/ml/layers/depthwise-conv2d.js';
import { expectGradientsToMatch, relativeError, spread } from '../finite-differences.js';

const { tf, hasKernels } = loadTensorFlow();

/**
 * [n, h, w, c]: one pixel, one row, one column, even and odd sides (stride 2 maps two sizes to one), sides on which no
 * window or just one lies inside, channels beside a vector's width.
 */
const SIZES = [
  [1, 1, 1, 1],
  [2, 1, 9, 40],
  [2, 9, 1, 40],
  [2, 2, 2, 48],
  [2, 3, 3, 20],
  [2, 2, 5, 7],
  [2, 6, 6, 16],
  [3, 9, 8, 33],
  [4, 28, 28, 128],
];

const values = (shape: readonly number[], phase: number): Tensor =>
  tf.tensor(
    spread(
      shape.reduce((a, b) => a * b, 1),
      phase,
    ),
    [...shape],
  );

describe.runIf(hasKernels).each([1, 2])('the 3×3 depthwise convolution with stride %i', (stride) => {
  const shape = { kernel: 3, stride, padding: 1 };
  const own = () => {
    const found = findDepthwiseKernels(shape);
    if (found === null) throw new Error('Expected kernels for this shape');
    return found;
  };

  it.each(SIZES)("agrees with TensorFlow's on [%i, %i, %i, %i]", (n = 0, h = 0, w = 0, c = 0) => {
    const twin = tensorflowConvolution(shape, DEPTHWISE_OPS);
    const x = values([n, h, w, c], 0.2);
    const kernel = values([3, 3, c, 1], 0.5);
    const y = own().forward(x, kernel);
    const expected = twin.forward(x, kernel);
    expect(y.shape).toEqual(expected.shape);
    expect(relativeError(y.dataSync(), expected.dataSync()), 'y').toBeLessThan(1e-6);
    const dy = values(y.shape, 0.9);
    const dx = own().inputGradient(kernel, dy, x.shape).dataSync();
    expect(relativeError(dx, twin.inputGradient(kernel, dy, x.shape).dataSync()), 'dx').toBeLessThan(1e-6);
    const dKernel = own().kernelGradient(x, dy, kernel.shape).dataSync();
    const expectedDKernel = twin.kernelGradient(x, dy, kernel.shape).dataSync();
    expect(relativeError(dKernel, expectedDKernel), 'dkernel').toBeLessThan(1e-5);
  });

  it('lets NaN through, to the output and to both gradients', () => {
    const x = tf.fill([1, 4, 4, 3], Number.NaN);
    const kernel = values([3, 3, 3, 1], 0.5);
    const dy = own().forward(x, kernel);
    expect(dy.dataSync().every(Number.isNaN)).toBe(true);
    expect(own().inputGradient(kernel, dy, x.shape).dataSync().every(Number.isNaN)).toBe(true);
    expect(own().kernelGradient(x, dy, kernel.shape).dataSync().every(Number.isNaN)).toBe(true);
  });

  it('refuses a gradient of another size', () => {
    expect(() => own().kernelGradient(tf.zeros([1, 8, 8, 3]), tf.zeros([1, 3, 8, 3]), [3, 3, 3, 1])).toThrow(
      /does not belong/,
    );
  });

  it('is differentiated rightly, by finite differences', () => {
    expectGradientsToMatch(new DepthwiseConv2d('d', values([3, 3, 5, 1], 0.1), shape), [2, 5, 4, 5], 1e-2);
  });
});
