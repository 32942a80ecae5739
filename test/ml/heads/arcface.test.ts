import type { Tensor1D } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { ArcfaceHead, applyMargin } from '../../../src/ml/heads/arcface.js';
import { fitScale } from '../../../src/ml/heads/scale.js';
import { numericGradient, relativeError, spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();

function marginOf(cosines: number[], marginRadians = 0.5): { value: number[]; derivative: number[] } {
  const { value, derivative } = applyMargin(tf.tensor1d(cosines), marginRadians);
  return { value: [...value.dataSync()], derivative: [...derivative.dataSync()] };
}

describe('the margin', () => {
  it('adds the angle: cos(60° + 0.5)', () => {
    expect(marginOf([0.5]).value[0]).toBeCloseTo(Math.cos(Math.PI / 3 + 0.5), 5);
  });

  it('turns into a line below cos(π − m), and stays monotonic over the whole range', () => {
    const below = -0.95;
    const { value, derivative } = marginOf([below]);
    expect(value[0]).toBeCloseTo(below - 0.5 * Math.sin(0.5), 5);
    expect(derivative[0]).toBe(1);
    const grid = Array.from({ length: 401 }, (_, i) => -1 + i / 200);
    const values = marginOf(grid).value;
    const differences = values.slice(1).map((next, i) => next - (values[i] ?? 0));
    // The value jumps at the turn, upwards by 0.117; it falls nowhere.
    expect(differences.filter((difference) => difference < -1e-6)).toHaveLength(0);
  });

  it('is finite at cos = 1 and cos = −1', () => {
    const { value, derivative } = marginOf([1, -1]);
    for (const number of [...value, ...derivative]) expect(Number.isFinite(number)).toBe(true);
  });

  it('has the derivative that finite differences give, away from the turn', () => {
    for (const cosine of [-0.95, -0.8, -0.2, 0.4, 0.9]) {
      const [low = 0, high = 0] = marginOf([cosine - 1e-3, cosine + 1e-3]).value;
      expect(marginOf([cosine]).derivative[0]).toBeCloseTo((high - low) / 2e-3, 1);
    }
  });
});

describe('the head', () => {
  const options = { classCount: 3, embeddingSize: 4, scale: 8, marginRadians: 0.5 };

  it('gives the loss worked by hand', () => {
    // The embedding lies on centre 0, the other centre is orthogonal: logits s·cos(m) and 0.
    const head = new ArcfaceHead(
      { ...options, classCount: 2, embeddingSize: 2 },
      tf.tensor2d([
        [2, 0],
        [0, 3],
      ]),
    );
    const labels = tf.tensor1d([0], 'int32');
    const { loss, accuracy, embeddingGradient } = head.lossAndGradient(tf.tensor2d([[5, 0]]), labels);
    expect(loss).toBeCloseTo(Math.log(1 + Math.exp(-8 * Math.cos(0.5))), 5);
    expect(accuracy).toBe(1);
    for (const value of embeddingGradient.dataSync()) expect(Number.isFinite(value)).toBe(true);
  });

  it('matches finite differences for embeddings and centres, and leaks nothing', () => {
    const head = new ArcfaceHead(options, tf.tensor(spread(12), [3, 4]));
    const labels = tf.tensor1d([0, 2, 1, 2, 0], 'int32');
    const at = spread(20, 0.3);
    const before = tf.memory().numTensors;
    const lossAt = (values: Float32Array): number => {
      const embeddings = tf.tensor(values, [5, 4]);
      const { loss, embeddingGradient } = head.lossAndGradient(embeddings, labels);
      tf.dispose([embeddings, embeddingGradient]);
      return loss;
    };
    const embeddings = tf.tensor(at, [5, 4]);
    const { embeddingGradient } = head.lossAndGradient(embeddings, labels);
    const [centres] = head.parameters;
    const centreGradient = centres.gradient?.dataSync() as Float32Array;
    expect(relativeError(embeddingGradient.dataSync(), numericGradient(lossAt, at))).toBeLessThan(2e-2);
    tf.dispose([embeddings, embeddingGradient]);

    const original = centres.value;
    const lossAtCentres = (values: Float32Array): number => {
      centres.value = tf.tensor(values, [3, 4]);
      const result = lossAt(at);
      centres.value.dispose();
      return result;
    };
    const numeric = numericGradient(lossAtCentres, original.dataSync() as Float32Array);
    centres.value = original;
    expect(relativeError(centreGradient, numeric)).toBeLessThan(2e-2);
    centres.gradient?.dispose();
    centres.gradient = null;
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stays finite for a zero embedding, a huge one, and one opposite to its centre', () => {
    const head = new ArcfaceHead(
      { ...options, embeddingSize: 2, classCount: 2 },
      tf.tensor2d([
        [1, 0],
        [0, 1],
      ]),
    );
    const embeddings = tf.tensor2d([
      [0, 0],
      [1e15, 1e15],
      [-1, 0],
    ]);
    const labels = tf.tensor1d([0, 1, 0], 'int32') as Tensor1D;
    const { loss, embeddingGradient } = head.lossAndGradient(embeddings, labels);
    expect(Number.isFinite(loss)).toBe(true);
    for (const value of embeddingGradient.dataSync()) expect(Number.isFinite(value)).toBe(true);
  });

  it('predicts without margin: logits are scale · cos', () => {
    const head = new ArcfaceHead(
      { ...options, classCount: 2, embeddingSize: 2 },
      tf.tensor2d([
        [1, 0],
        [0, 2],
      ]),
    );
    const logits = [...head.logits(tf.tensor2d([[3, 4]])).dataSync()];
    expect(logits[0]).toBeCloseTo(8 * 0.6, 5);
    expect(logits[1]).toBeCloseTo(8 * 0.8, 5);
  });
});

describe('the fitted scale', () => {
  it('lets a perfect image reach a confidence of 0.99 at temperature 5', () => {
    const classes = 12;
    const perTemperature = fitScale(classes) / 5;
    const others = (classes - 1) * Math.exp((-perTemperature * 1) / (classes - 1));
    expect(Math.exp(perTemperature) / (Math.exp(perTemperature) + others)).toBeCloseTo(0.99, 3);
  });

  it('keeps to its bounds', () => {
    expect(fitScale(2)).toBeGreaterThanOrEqual(10);
    expect(fitScale(1_000_000)).toBe(64);
  });
});
