import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { BatchNorm } from '../../../src/ml/layers/batch-norm.js';
import { Conv2d } from '../../../src/ml/layers/conv2d.js';
import { Dense } from '../../../src/ml/layers/dense.js';
import { DepthwiseConv2d } from '../../../src/ml/layers/depthwise-conv2d.js';
import { Dropout } from '../../../src/ml/layers/dropout.js';
import { FixedScaleBatchNorm } from '../../../src/ml/layers/fixed-scale-batch-norm.js';
import { Flatten } from '../../../src/ml/layers/flatten.js';
import { PairedConv2d } from '../../../src/ml/layers/paired-conv2d.js';
import { Prelu } from '../../../src/ml/layers/prelu.js';
import { Residual } from '../../../src/ml/layers/residual.js';
import { Sequential } from '../../../src/ml/layers/sequential.js';
import { expectGradientsToMatch, relativeError, spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();

describe('a convolution in groups of two channels', () => {
  const KERNEL_OF_16 = spread(3 * 3 * 16 * 2);
  const build = () =>
    new PairedConv2d('g', tf.tensor(KERNEL_OF_16, [3, 3, 16, 2]), { kernel: 3, stride: 1, padding: 1 });

  it('is the dense convolution whose kernel is 0 between the groups', () => {
    const dense = new Float32Array(9 * 16 * 16);
    KERNEL_OF_16.forEach((value, index) => {
      const [place, input, output] = [Math.floor(index / 32), Math.floor(index / 2) % 16, index % 2];
      dense[(place * 16 + input) * 16 + 2 * Math.floor(input / 2) + output] = value;
    });
    const shape = { kernel: 3, stride: 1, padding: 1 };
    const reference = new Conv2d('c', tf.tensor(dense, [3, 3, 16, 16]), shape);
    const x = tf.tensor(spread(2 * 6 * 6 * 16, 0.2), [2, 6, 6, 16]);
    const expected = reference.forward(x.clone(), false);
    expect(relativeError(build().forward(x, false).dataSync(), expected.dataSync())).toBeLessThan(1e-5);
  });

  it('leaves no tensor behind at inference', () => {
    const layer = build();
    const before = tf.memory().numTensors;
    layer.forward(tf.zeros([1, 6, 6, 16]), false).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('dropout', () => {
  it('zeroes about its share, keeps the mean, and passes the gradient where it passed the value', () => {
    const before = tf.memory().numTensors;
    const layer = new Dropout('d', 0.25, createRandom(1));
    const y = layer.forward(tf.ones([100, 100]), true);
    const values = [...y.dataSync()];
    const dx = layer.backward(tf.ones([100, 100]));
    expect([...dx.dataSync()]).toEqual(values);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    // 10,000 draws: six standard deviations of the share are 0.026.
    expect(Math.abs(values.filter((value) => value === 0).length / 10_000 - 0.25)).toBeLessThan(0.026);
    y.dispose();
    dx.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

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

  it('convolution in groups of two channels, 3x3, stride 1 and 2', () => {
    for (const stride of [1, 2]) {
      const kernel = tf.tensor(spread(3 * 3 * 4 * 2), [3, 3, 4, 2]);
      const layer = new PairedConv2d('g', kernel, { kernel: 3, stride, padding: 1 });
      expectGradientsToMatch(layer, [2, 5, 5, 4], 1e-2);
    }
  });

  it('batch norm with a fixed scale', () => {
    const layer = new FixedScaleBatchNorm('b', 3);
    expectGradientsToMatch(layer, [6, 3], 2e-2);
    expect(layer.parameters.map(({ name }) => name)).toEqual(['b/beta']);
    expect(layer.buffers.map(({ name }) => name)).toEqual(['b/gamma', 'b/moving_mean', 'b/moving_variance']);
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
