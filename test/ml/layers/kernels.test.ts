import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { runOp, runSingleOp } from '../../../src/ml/engine/raw-op.js';
import { composedPrelu, composedPreluGradient } from '../../../src/ml/layers/prelu.js';
import { composedSgd } from '../../../src/ml/training/optimizers/sgd.js';
import { relativeError, spread } from '../finite-differences.js';

const { tf, hasKernels } = loadTensorFlow();

/** Shapes with one element, odd channels, a channel count below and above a vector's width, and several shards. */
const SHAPES = [
  [1, 1],
  [3, 5, 7],
  [2, 3, 3, 17],
  [4, 33, 31, 64],
  [8, 56, 56, 64],
];

const values = (shape: number[], phase: number): Tensor =>
  tf.tensor(
    spread(
      shape.reduce((a, b) => a * b, 1),
      phase,
    ),
    shape,
  );

describe.runIf(hasKernels)('our kernels and their composed twins agree', () => {
  it.each(SHAPES)('PReLU of %i, %i, %i, %i', (...sizes) => {
    const shape = sizes.filter((size) => size !== undefined);
    const x = values(shape, 0.2);
    const alpha = values([shape.at(-1) ?? 1], 0.5);
    const ours = runSingleOp('ArcqueuePrelu', {}, [x, alpha]);
    expect(relativeError(ours.dataSync(), composedPrelu(x, alpha).dataSync())).toBeLessThan(1e-6);
  });

  it.each(SHAPES)('the gradient of PReLU of %i, %i, %i, %i', (...sizes) => {
    const shape = sizes.filter((size) => size !== undefined);
    const x = values(shape, 0.2);
    const dy = values(shape, 0.9);
    const alpha = values([shape.at(-1) ?? 1], 0.5);
    const [dx, dAlpha] = runOp('ArcqueuePreluGrad', {}, [dy, x, alpha], 2) as [Tensor, Tensor];
    const [expectedDx, expectedDAlpha] = composedPreluGradient(dy, x, alpha);
    expect(relativeError(dx.dataSync(), expectedDx.dataSync())).toBeLessThan(1e-6);
    expect(relativeError(dAlpha.dataSync(), expectedDAlpha.dataSync())).toBeLessThan(1e-4);
  });

  it('PReLU by hand, with zero, infinities and NaN', () => {
    const x = tf.tensor1d([-2, 0, 3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
    const y = [...runSingleOp('ArcqueuePrelu', {}, [x.reshape([6, 1]), tf.tensor1d([0.5])]).dataSync()];
    expect(y.slice(0, 3)).toEqual([-1, 0, 3]);
    expect(y[5]).toBeNaN();
  });

  it('the gradient of PReLU gives the same bits when repeated', () => {
    const x = values([8, 56, 56, 64], 0.2);
    const dy = values([8, 56, 56, 64], 0.9);
    const alpha = values([64], 0.5);
    const run = () => (runOp('ArcqueuePreluGrad', {}, [dy, x, alpha], 2)[1] as Tensor).dataSync();
    expect(run()).toEqual(run());
  });

  it('SGD with momentum', () => {
    const state = { value: values([100], 0.1), velocity: values([100], 0.2), gradient: values([100], 0.3) };
    const options = { momentum: 0.9, weightDecay: 5e-4 };
    const scalars = [0.1, options.momentum, options.weightDecay].map((value) => tf.scalar(value));
    const inputs = [state.value, state.velocity, state.gradient, ...scalars];
    const ours = runOp('ArcqueueSgdMomentum', {}, inputs, 2);
    const expected = composedSgd(state, 0.1, options);
    ours.forEach((tensor, i) => {
      expect(relativeError(tensor.dataSync(), expected[i]?.dataSync() ?? [])).toBeLessThan(1e-6);
    });
  });
});

it('SGD with momentum by hand', () => {
  const state = { value: tf.tensor1d([1]), velocity: tf.tensor1d([0.5]), gradient: tf.tensor1d([0.2]) };
  const [value, velocity] = composedSgd(state, 0.1, { momentum: 0.9, weightDecay: 0.01 });
  // v = 0.9 · 0.5 + 0.2 + 0.01 · 1 = 0.66; w = 1 − 0.1 · 0.66
  expect(velocity.dataSync()[0]).toBeCloseTo(0.66, 6);
  expect(value.dataSync()[0]).toBeCloseTo(0.934, 6);
});
