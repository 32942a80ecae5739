import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { type Parameter, setGradient, setSparseGradient } from '../../../src/ml/layers/layer.js';
import { clipGradients, discardGradients, GradientMean } from '../../../src/ml/training/gradients.js';

const { tf } = loadTensorFlow();

const parameterOf = (name: string, shape: number[]): Parameter => ({
  name,
  value: tf.zeros(shape),
  gradient: null,
});
const setRows = (parameter: Parameter, rows: number[], values: number[][]) =>
  setSparseGradient(parameter, { rows: tf.tensor1d(rows, 'int32'), values: tf.tensor2d(values) });

describe('the mean gradient of several batches', () => {
  it('weighs a batch by its images, and leaves no tensor', () => {
    const parameter = parameterOf('a', [2]);
    const before = tf.memory().numTensors;
    const mean = new GradientMean([parameter]);
    // 3 images with mean gradient [1, 2] and 1 with [5, −2].
    setGradient(parameter, tf.tensor1d([1, 2]));
    mean.add(3 / 4);
    setGradient(parameter, tf.tensor1d([5, -2]));
    mean.add(1 / 4);
    expect(parameter).toMatchObject({ gradient: null });
    mean.release();
    expect([...(parameter.gradient?.dataSync() ?? [])]).toEqual([2, 1]);
    discardGradients([parameter]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('adds gradients of some rows row by row, ascending and none twice, and leaves no tensor', () => {
    const parameter = parameterOf('centres', [6, 1]);
    const before = tf.memory().numTensors;
    const mean = new GradientMean([parameter]);
    setRows(parameter, [1, 4], [[2], [4]]);
    mean.add(0.5);
    setRows(parameter, [0, 4], [[6], [8]]);
    mean.add(0.5);
    mean.release();
    expect([...(parameter.sparseGradient?.rows.dataSync() ?? [])]).toEqual([0, 1, 4]);
    expect([...(parameter.sparseGradient?.values.dataSync() ?? [])]).toEqual([3, 1, 6]);
    discardGradients([parameter]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('frees what it took when the step is given up', () => {
    const parameter = parameterOf('a', [2]);
    const before = tf.memory().numTensors;
    const mean = new GradientMean([parameter]);
    setGradient(parameter, tf.tensor1d([1, 2]));
    mean.add(1);
    mean.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('clipping', () => {
  const withGradients = () => {
    const [dense, sparse] = [parameterOf('a', [2]), parameterOf('b', [4, 1])];
    setGradient(dense, tf.tensor1d([3, 0]));
    setRows(sparse, [2], [[4]]);
    return [dense, sparse] as const;
  };
  const valuesOf = ([dense, sparse]: readonly [Parameter, Parameter]) => [
    ...(dense.gradient?.dataSync() ?? []),
    ...(sparse.sparseGradient?.values.dataSync() ?? []),
  ];

  it('shortens all gradients together to the limit, keeping their direction', () => {
    const parameters = withGradients();
    const before = tf.memory().numTensors;
    // ‖(3, 0, 4)‖ = 5
    expect(clipGradients(parameters, 1)).toBeCloseTo(5, 6);
    [0.6, 0, 0.8].forEach((value, i) => {
      expect(valuesOf(parameters)[i]).toBeCloseTo(value, 5);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves shorter ones as they are, and those that are not finite', () => {
    const parameters = withGradients();
    expect(clipGradients(parameters, 5)).toBeCloseTo(5, 6);
    expect(valuesOf(parameters)).toEqual([3, 0, 4]);
    setGradient(parameters[0], tf.tensor1d([Number.NaN, 1]));
    expect(clipGradients(parameters, 1)).toBeNaN();
    expect(valuesOf(parameters).slice(1)).toEqual([1, 4]);
  });
});
