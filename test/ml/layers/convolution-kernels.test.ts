import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { runSingleOp } from '../../../src/ml/engine/raw-op.js';
import { CONV2D_OPS, Conv2d } from '../../../src/ml/layers/conv2d.js';
import { tensorflowConvolution } from '../../../src/ml/layers/convolution.js';
import {
  type ConvolutionFunctions,
  findConvolutionKernels,
  findDepthwiseKernels,
} from '../../../src/ml/layers/convolution-kernels.js';
import { DEPTHWISE_OPS } from '../../../src/ml/layers/depthwise-conv2d.js';
import { expectGradientsToMatch, relativeError, spread } from '../finite-differences.js';

const { tf, hasKernels } = loadTensorFlow();

const POINTWISE = { kernel: 1, stride: 1, padding: 0 };
const WINOGRAD = { kernel: 3, stride: 1, padding: 1 };
const STRIDED = { kernel: 3, stride: 2, padding: 1 };
const STRIDED_POINTWISE = { kernel: 1, stride: 2, padding: 0 };

/** [n, h, w, in, out]: one pixel, images below a tile, cut tiles, channels beside a vector's and a panel's width. */
const SIZES = [
  [1, 1, 1, 8, 1],
  [2, 3, 5, 9, 7],
  [1, 4, 4, 16, 16],
  [3, 7, 7, 33, 47],
  [2, 14, 9, 64, 31],
  [4, 28, 28, 64, 64],
  [2, 14, 14, 256, 160],
] as const;

function values(shape: readonly number[], phase: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(spread(size, phase), [...shape]);
}

function kernelsOf(shape: typeof WINOGRAD): ConvolutionFunctions {
  const found = findConvolutionKernels(shape, 64);
  if (found === null) throw new Error('Expected kernels for this shape');
  return found;
}

/** Of the kernels that are written with vector types; a machine that lacks one runs the widest that it has. */
const INSTRUCTION_SETS = { baseline: 0, avx2: 1, avx512: 2 };
const WIDEST = INSTRUCTION_SETS.avx512;

function limitInstructionSet(limit: number): void {
  const used = runSingleOp('ArcqueueLimitInstructionSet', { limit: { int: limit } }, []);
  expect(used.dataSync()[0]).toBeLessThanOrEqual(limit);
  used.dispose();
}

describe.runIf(hasKernels).each(Object.entries(INSTRUCTION_SETS))('with %s', (_, limit) => {
  beforeAll(() => limitInstructionSet(limit));
  afterAll(() => limitInstructionSet(WIDEST));

  it.each([WINOGRAD, POINTWISE, STRIDED])('a convolution of %o agrees with TensorFlow', (shape) => {
    expectAgreement(kernelsOf(shape), tensorflowConvolution(shape, CONV2D_OPS), [shape.kernel, 33, 47]);
  });

  it.each([1, 2])('a depthwise convolution with stride %i agrees with TensorFlow', (stride) => {
    const shape = { kernel: 3, stride, padding: 1 };
    const own = findDepthwiseKernels(shape) as ConvolutionFunctions;
    expectAgreement(own, tensorflowConvolution(shape, DEPTHWISE_OPS), [3, 33, 1]);
  });
});

/** Compares the three operations on images of 33 channels. */
function expectAgreement(
  own: ConvolutionFunctions,
  twin: ConvolutionFunctions,
  [side, inputs, outputs]: readonly [number, number, number],
): void {
  const x = values([2, 7, 9, inputs], 0.2);
  const kernel = values([side, side, inputs, outputs], 0.5);
  const dy = values(twin.forward(x, kernel).shape, 0.9);
  const runAll = (functions: ConvolutionFunctions) => [
    functions.forward(x, kernel),
    functions.inputGradient(kernel, dy, x.shape),
    functions.kernelGradient(x, dy, kernel.shape),
  ];
  const expected = runAll(twin);
  runAll(own).forEach((tensor, i) => {
    expect(relativeError(tensor.dataSync(), expected[i]?.dataSync() ?? [])).toBeLessThan(1e-4);
  });
}

describe.runIf(hasKernels).each([
  // Winograd's sums cancel more than the definition's: float32 keeps four to five digits of them.
  { name: '3×3', shape: WINOGRAD, tolerance: 1e-4, gradientTolerance: 1e-4 },
  { name: '1×1', shape: POINTWISE, tolerance: 2e-6, gradientTolerance: 1e-5 },
  { name: '3×3 stride 2', shape: STRIDED, tolerance: 2e-6, gradientTolerance: 1e-5 },
  { name: '1×1 stride 2', shape: STRIDED_POINTWISE, tolerance: 2e-6, gradientTolerance: 1e-5 },
])('the $name convolution', ({ shape, tolerance, gradientTolerance }) => {
  const side = shape.kernel;
  const twin = tensorflowConvolution(shape, CONV2D_OPS);

  it.each(SIZES)("agrees with TensorFlow's for %i images of %i × %i, %i to %i channels", (n, h, w, i, o) => {
    const own = kernelsOf(shape);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const x = values([n, h, w, i], 0.2);
      const kernel = values([side, side, i, o], 0.5);
      const dy = values(twin.forward(x, kernel).shape, 0.9);
      const pairs: [string, Tensor, Tensor, number][] = [
        ['y', own.forward(x, kernel), twin.forward(x, kernel), tolerance],
        ['dx', own.inputGradient(kernel, dy, x.shape), twin.inputGradient(kernel, dy, x.shape), tolerance],
        [
          'dkernel',
          own.kernelGradient(x, dy, kernel.shape),
          twin.kernelGradient(x, dy, kernel.shape),
          gradientTolerance,
        ],
      ];
      for (const [what, ours, expected, limit] of pairs) {
        expect(ours.shape, what).toEqual(expected.shape);
        expect(relativeError(ours.dataSync(), expected.dataSync()), what).toBeLessThan(limit);
        for (const tensor of [ours, expected]) tensor.dispose();
      }
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('lets NaN through, to the output and to both gradients', () => {
    const own = kernelsOf(shape);
    const x = tf.fill([1, 5, 5, 8], Number.NaN);
    const kernel = values([side, side, 8, 8], 0.5);
    expect(own.forward(x, kernel).dataSync().every(Number.isNaN)).toBe(true);
    const dy = own.forward(x, kernel);
    const dx = own.inputGradient(kernel, dy, x.shape).dataSync();
    // With stride 2 a 1×1 kernel sees every other pixel, so the others have no gradient.
    expect(dx.filter(Number.isNaN)).toHaveLength(shape === STRIDED_POINTWISE ? 9 * 8 : dx.length);
    expect(own.kernelGradient(x, dy, kernel.shape).dataSync().every(Number.isNaN)).toBe(true);
  });

  it('gives the same bits when repeated', () => {
    const own = kernelsOf(shape);
    const x = values([4, 28, 28, 64], 0.2);
    const kernel = values([side, side, 64, 64], 0.5);
    const run = () => {
      const y = own.forward(x, kernel);
      const gradients = [own.kernelGradient(x, y, kernel.shape), own.inputGradient(kernel, y, x.shape)];
      return [y, ...gradients].map((tensor) => tensor.dataSync());
    };
    expect(run()).toEqual(run());
  });

  it('has an empty output for no images, and a zero gradient', () => {
    const own = kernelsOf(shape);
    const x = tf.zeros([0, 4, 4, 8]);
    const kernel = values([side, side, 8, 8], 0.5);
    const y = own.forward(x, kernel);
    expect([y.shape[0], y.shape[3]]).toEqual([0, 8]);
    expect([...own.kernelGradient(x, y, kernel.shape).dataSync()].every((value) => value === 0)).toBe(true);
  });

  it('refuses a kernel for other channels', () => {
    expect(() => kernelsOf(shape).forward(tf.zeros([1, 4, 4, 9]), tf.zeros([side, side, 8, 8]))).toThrow(
      /expects/,
    );
  });

  it('is differentiated rightly, by finite differences', () => {
    expectGradientsToMatch(new Conv2d('c', values([side, side, 9, 5], 0.1), shape), [2, 5, 6, 9], 1e-3);
  });
});
