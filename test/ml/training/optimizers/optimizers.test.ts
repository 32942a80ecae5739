import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../../src/ml/engine/load-tensorflow.js';
import type { Parameter } from '../../../../src/ml/layers/layer.js';
import { AdamW } from '../../../../src/ml/training/optimizers/adamw.js';
import type { Optimizer } from '../../../../src/ml/training/optimizers/optimizer.js';
import { Sgd } from '../../../../src/ml/training/optimizers/sgd.js';

const { tf } = loadTensorFlow();

type Build = (parameters: readonly Parameter[], decayNormAndBias: boolean) => Optimizer;
const sgd = { momentum: 0.9, weightDecay: 0.01 };
const adamw = { beta1: 0.9, beta2: 0.999, weightDecay: 0.1 };
const builders: Record<string, Build> = {
  sgd: (parameters, decayNormAndBias) => new Sgd(parameters, { ...sgd, decayNormAndBias }),
  nesterov: (parameters, decayNormAndBias) =>
    new Sgd(parameters, { ...sgd, decayNormAndBias, nesterov: true }),
  adamw: (parameters, decayNormAndBias) => new AdamW(parameters, { ...adamw, decayNormAndBias }),
};
const optimizers = Object.entries(builders);

const GRADIENTS = [
  [0.2, -0.4],
  [0.1, 0.3],
  [-0.5, 0.05],
];
/** torch.optim of PyTorch 2.13 from weights [1, −2], learning rate 0.1, over GRADIENTS. */
const PYTORCH: Record<string, number[][]> = {
  sgd: [
    [0.979, -1.958],
    [0.949121, -1.9482419],
    [0.9712808, -1.9425116],
  ],
  nesterov: [
    [0.9601, -1.9202],
    [0.9222658, -1.9395316],
    [0.9913269, -1.9374731],
  ],
  adamw: [
    [0.89, -1.88],
    [0.787882, -1.8522675],
    [0.808932, -1.833236],
  ],
};

const parameterOf = (values: number[], shape: number[]): Parameter => ({
  name: `layer/${shape.length === 1 ? 'bias' : 'kernel'}`,
  value: tf.tensor(values, shape),
  gradient: null,
});

function stepWith(optimizer: Optimizer, parameter: Parameter, gradient: number[]): number[] {
  parameter.gradient = tf.tensor(gradient, parameter.value.shape);
  optimizer.step(0.1);
  return [...parameter.value.dataSync()];
}

describe.each(optimizers)('%s', (name, build) => {
  it("follows PyTorch's over three updates", () => {
    const parameter = parameterOf([1, -2], [1, 2]);
    const optimizer = build([parameter], true);
    GRADIENTS.forEach((gradient, update) => {
      const weights = stepWith(optimizer, parameter, gradient);
      weights.forEach((weight, i) => {
        expect(weight).toBeCloseTo(PYTORCH[name]?.[update]?.[i] ?? Number.NaN, 5);
      });
    });
  });

  it('goes on from its state with the same bits, and leaves no tensor', () => {
    const before = tf.memory().numTensors;
    const parameter = parameterOf([1, -2], [1, 2]);
    const optimizer = build([parameter], true);
    stepWith(optimizer, parameter, [0.2, -0.4]);
    const state = optimizer.state();
    const copy = { ...parameter, value: parameter.value.clone() };
    const expected = stepWith(optimizer, parameter, [0.1, 0.3]);

    const other = build([copy], true);
    other.restore(state);
    expect(stepWith(other, copy, [0.1, 0.3])).toEqual(expected);
    for (const tensor of state.tensors.values()) tensor.dispose();
    for (const { value } of [parameter, copy]) value.dispose();
    optimizer.dispose();
    other.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('spares parameters of one dimension from decay when told to, and no others', () => {
    const decayOf = (shape: number[], decayNormAndBias: boolean): number => {
      const parameter = parameterOf([1, -2], shape);
      return stepWith(build([parameter], decayNormAndBias), parameter, [0, 0])[0] ?? Number.NaN;
    };
    expect(decayOf([2], false)).toBe(1);
    expect(decayOf([2], true)).toBeLessThan(1);
    expect(decayOf([1, 2], false)).toBe(decayOf([1, 2], true));
  });

  it('refuses an update without a gradient and a state of another network', () => {
    const parameter = parameterOf([1, -2], [1, 2]);
    const optimizer = build([parameter], true);
    expect(() => optimizer.step(0.1)).toThrow(/layer\/kernel has no gradient/);
    const foreign = build([parameterOf([1], [1])], true).state();
    expect(() => optimizer.restore(foreign)).toThrow(/layer\/kernel \[1,2\], found nothing/);
  });
});
