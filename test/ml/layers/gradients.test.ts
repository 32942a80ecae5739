import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { BatchNorm } from '../../../src/ml/layers/batch-norm.js';
import { Conv2d } from '../../../src/ml/layers/conv2d.js';
import { Dense } from '../../../src/ml/layers/dense.js';
import { DepthwiseConv2d } from '../../../src/ml/layers/depthwise-conv2d.js';
import { Flatten } from '../../../src/ml/layers/flatten.js';
import { Prelu } from '../../../src/ml/layers/prelu.js';
import { Residual } from '../../../src/ml/layers/residual.js';
import { Sequential } from '../../../src/ml/layers/sequential.js';
import { expectGradientsToMatch, spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();

describe('gradients against finite differences', () => {
  it('convolution, 3x3, stride 2, padding 1', () => {
    const kernel = tf.tensor(spread(3 * 3 * 2 * 3), [3, 3, 2, 3]);
    expectGradientsToMatch(new Conv2d('c', kernel, { kernel: 3, stride: 2, padding: 1 }), [2, 5, 5, 2], 1e-2);
  });

  it('convolution, 1x1', () => {
    const kernel = tf.tensor(spread(6), [1, 1, 2, 3]);
    expectGradientsToMatch(new Conv2d('c', kernel, { kernel: 1, stride: 1, padding: 0 }), [2, 3, 3, 2], 1e-2);
  });

  it('depthwise convolution, 3x3, stride 2, padding 1', () => {
    const kernel = tf.tensor(spread(3 * 3 * 2), [3, 3, 2, 1]);
    const layer = new DepthwiseConv2d('d', kernel, { kernel: 3, stride: 2, padding: 1 });
    expectGradientsToMatch(layer, [2, 5, 5, 2], 1e-2);
  });

  it('batch norm of images and of vectors', () => {
    expectGradientsToMatch(new BatchNorm('b', 2), [3, 3, 3, 2], 2e-2);
    expectGradientsToMatch(new BatchNorm('b', 3), [6, 3], 2e-2);
  });

  it('PReLU', () => {
    expectGradientsToMatch(new Prelu('p', 3), [2, 3, 3, 3], 3e-2);
  });

  it('dense with bias', () => {
    expectGradientsToMatch(new Dense('f', tf.tensor(spread(12), [4, 3]), { bias: true }), [5, 4], 1e-2);
  });

  it('a residual block with a shortcut layer', () => {
    const kernel = (phase: number) => tf.tensor(spread(18 * 2, phase), [3, 3, 2, 2]);
    const shape = { kernel: 3, stride: 2, padding: 1 };
    const branch = new Sequential([new Conv2d('a', kernel(0.1), shape), new Flatten('f')]);
    const shortcut = new Sequential([new Conv2d('b', kernel(0.4), shape), new Flatten('g')]);
    expectGradientsToMatch(new Residual('r', branch, shortcut), [2, 4, 4, 2], 1e-2);
  });
});

describe('forward passes by hand', () => {
  it('pads symmetrically at stride 2, where SAME would pad one side', () => {
    const layer = new Conv2d('c', tf.ones([3, 3, 1, 1]), { kernel: 3, stride: 2, padding: 1 });
    const y = layer.forward(
      tf.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], [1, 4, 4, 1]),
      false,
    );
    // The top left window sees rows and columns 0 and 1: 1 + 2 + 5 + 6.
    expect([...y.dataSync()]).toEqual([14, 30, 57, 99]);
  });

  it('normalises a batch and follows the unbiased variance', () => {
    const layer = new BatchNorm('b', 1);
    const y = layer.forward(tf.tensor([1, 2, 3, 4], [4, 1]), true);
    // mean 2.5, biased variance 1.25, unbiased 5/3
    const expected = [-1.5, -0.5, 0.5, 1.5].map((value) => value / Math.sqrt(1.25 + 1e-5));
    expect([...y.dataSync()].map((value, i) => Math.abs(value - (expected[i] ?? 0)))).toSatisfy(
      (errors: number[]) => errors.every((error) => error < 1e-5),
    );
    expect(layer.buffers[0].value.dataSync()[0]).toBeCloseTo(0.25, 6);
    expect(layer.buffers[1].value.dataSync()[0]).toBeCloseTo(0.9 + (0.1 * 5) / 3, 6);
  });

  it('refuses a backward pass without a forward pass', () => {
    expect(() => new Prelu('p', 1).backward(tf.ones([1, 1]))).toThrow(/forward pass in training mode/);
  });
});
