import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { BatchNorm } from '../../../src/ml/layers/batch-norm.js';
import { KernelBatchNorm } from '../../../src/ml/layers/batch-norm-kernel.js';
import { TensorflowBatchNorm } from '../../../src/ml/layers/batch-norm-tensorflow.js';
import type { Step } from '../../../src/ml/layers/fuse-steps.js';
import type { Layer } from '../../../src/ml/layers/layer.js';
import { Prelu } from '../../../src/ml/layers/prelu.js';
import { Sequential } from '../../../src/ml/layers/sequential.js';
import { expectGradientsToMatch, relativeError, spread } from '../finite-differences.js';

const { tf, hasKernels } = loadTensorFlow();

/** One value per channel, odd channels, several blocks of rows, the network's own. */
const SHAPES = [
  [4, 1],
  [7, 33],
  [2, 3, 5, 17],
  [3, 40, 40, 9],
  [4, 28, 28, 64],
  [2, 7, 7, 512],
];

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const values = (shape: readonly number[], phase: number): Tensor =>
  tf.tensor(spread(size(shape), phase), [...shape]);

function buildBatchNorm(channels: number): BatchNorm {
  const layer = new BatchNorm('b', channels);
  for (const parameter of layer.parameters) {
    parameter.value.dispose();
    parameter.value = values([channels], 0.4).add(1.2);
  }
  return layer;
}

/** All that one step gives: y, dx, the gradients and the moving statistics. */
function runStep(step: Step, state: readonly Layer[], shape: number[], mean = 0): Float32Array[] {
  const y = step.forward(values(shape, 0.2).add(mean), true);
  const dx = step.backward(values(shape, 0.9));
  const gradients = state.flatMap(({ parameters }) => parameters.map(({ gradient }) => gradient as Tensor));
  const statistics = state.flatMap(({ buffers }) => buffers.map(({ value }) => value));
  const inference = step.forward(values(shape, 0.6), false);
  return [y, dx, ...gradients, ...statistics, inference].map((tensor) => tensor.dataSync() as Float32Array);
}

function expectAgreement(ours: Float32Array[], expected: Float32Array[], tolerance: number) {
  expect(ours).toHaveLength(expected.length);
  ours.forEach((array, i) => {
    expect(relativeError(array, expected[i] ?? []), `result ${i}`).toBeLessThan(tolerance);
  });
}

describe.runIf(hasKernels)('batch norm by our kernels', () => {
  it.each(SHAPES)("agrees with TensorFlow's on [%i, %i, %i, %i]", (...sizes) => {
    const shape = sizes.filter((length) => length !== undefined);
    const channels = shape.at(-1) ?? 1;
    const [own, twin] = [buildBatchNorm(channels), buildBatchNorm(channels)];
    const ours = runStep(new KernelBatchNorm(own, null), [own], shape);
    expectAgreement(ours, runStep(new TensorflowBatchNorm(twin), [twin], shape), 2e-5);
  });

  it.each(SHAPES)('with PReLU agrees with the two layers on [%i, %i, %i, %i]', (...sizes) => {
    const shape = sizes.filter((length) => length !== undefined);
    const channels = shape.at(-1) ?? 1;
    const build = () => [buildBatchNorm(channels), new Prelu('p', channels)] as const;
    const own = build();
    const ours = runStep(new KernelBatchNorm(own[0], own[1].parameters[0]), own, shape);
    const [batchNorm, prelu] = build();
    const apart: Step = {
      forward: (x, training) => prelu.forward(batchNorm.forward(x, training), training),
      backward: (dy) => batchNorm.backward(prelu.backward(dy)),
    };
    expectAgreement(ours, runStep(apart, [batchNorm, prelu], shape), 2e-5);
  });

  it('keeps its digits when the mean is large beside the deviation', () => {
    const layer = buildBatchNorm(3);
    const [y] = runStep(new KernelBatchNorm(layer, null), [layer], [64, 3], 1000);
    const centred = buildBatchNorm(3);
    const [expected] = runStep(new KernelBatchNorm(centred, null), [centred], [64, 3]);
    // float32 holds 1000 + x to 6e-5 only.
    expect(relativeError(y ?? [], expected ?? [])).toBeLessThan(5e-4);
  });

  it('lets NaN through, with and without PReLU', () => {
    for (const alpha of [null, new Prelu('p', 2).parameters[0]]) {
      const step = new KernelBatchNorm(buildBatchNorm(2), alpha);
      const y = step.forward(tf.tensor2d([1, Number.NaN, 2, 3], [2, 2]), true).dataSync();
      expect([y[1], y[3]]).toEqual([Number.NaN, Number.NaN]);
      expect(Number.isFinite(y[0])).toBe(true);
    }
  });

  it('gives the same bits when repeated', () => {
    const run = () => {
      const layers = [buildBatchNorm(64), new Prelu('p', 64)] as const;
      return runStep(new KernelBatchNorm(layers[0], layers[1].parameters[0]), layers, [8, 28, 28, 64]);
    };
    expect(run()).toEqual(run());
  });

  it('refuses parameters for other channels', () => {
    const step = new KernelBatchNorm(buildBatchNorm(3), null);
    expect(() => step.forward(tf.zeros([2, 4]), true)).toThrow(/expects/);
  });
});

it('a sequence with a batch norm before a PReLU is differentiated rightly, by finite differences', () => {
  expectGradientsToMatch(new Sequential([buildBatchNorm(3), new Prelu('p', 3)]), [4, 2, 2, 3], 3e-2);
});
