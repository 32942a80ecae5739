import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { expect, it } from 'vitest';
import { loadTensorFlow } from '../../../../src/ml/engine/load-tensorflow.js';
import { type Parameter, setGradient, setSparseGradient } from '../../../../src/ml/layers/layer.js';
import { AdamW } from '../../../../src/ml/training/optimizers/adamw.js';
import type { Optimizer } from '../../../../src/ml/training/optimizers/optimizer.js';
import { Sgd } from '../../../../src/ml/training/optimizers/sgd.js';
import { spread } from '../../finite-differences.js';

const { tf } = loadTensorFlow();
const parameter = (): Parameter => ({
  name: 'head/centres',
  value: tf.tensor(spread(8), [4, 2]),
  gradient: null,
});
const row = (tensor: Tensor, index: number) => [...tensor.dataSync().slice(2 * index, 2 * index + 2)];

const sgd = { momentum: 0.9, weightDecay: 0.1 };
const build: [string, (of: Parameter) => Optimizer][] = [
  ['SGD', (of) => new Sgd([of], sgd)],
  ['Nesterov', (of) => new Sgd([of], { ...sgd, nesterov: true })],
  ['AdamW', (of) => new AdamW([of], { beta1: 0.9, beta2: 0.999, weightDecay: 0.1, decayNormAndBias: true })],
];

it.each(build)(
  '%s moves the rows of a sparse gradient as those of a dense one, and no other',
  (_, optimizerOf) => {
    const before = tf.memory().numTensors;
    const sparse = parameter();
    const dense = parameter();
    const start = sparse.value.clone();
    const optimizers = [sparse, dense].map(optimizerOf);
    for (const step of [0.1, 0.2]) {
      const values = spread(4, step);
      setSparseGradient(sparse, { rows: tf.tensor1d([1, 3], 'int32'), values: tf.tensor(values, [2, 2]) });
      setGradient(
        dense,
        tf.tensor([0, 0, values[0] ?? 0, values[1] ?? 0, 0, 0, values[2] ?? 0, values[3] ?? 0], [4, 2]),
      );
      for (const optimizer of optimizers) optimizer.step(step);
    }
    for (const index of [1, 3]) {
      const expected = row(dense.value, index);
      for (const [i, value] of row(sparse.value, index).entries()) {
        expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6);
      }
    }
    for (const index of [0, 2]) {
      expect(row(sparse.value, index)).toEqual(row(start, index));
      expect(row(dense.value, index)).not.toEqual(row(start, index));
    }
    for (const optimizer of optimizers) optimizer.dispose();
    tf.dispose([sparse.value, dense.value, start]);
    expect(tf.memory().numTensors).toBe(before);
  },
);
