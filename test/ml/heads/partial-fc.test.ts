import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { buildHead } from '../../../src/ml/heads/build-head.js';
import { disposeHead } from '../../../src/ml/heads/head.js';
import { comparedClasses, sampleClasses } from '../../../src/ml/heads/partial-fc.js';
import type { Parameter } from '../../../src/ml/layers/layer.js';
import { Sgd } from '../../../src/ml/training/optimizers/sgd.js';
import { spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();
const sample = (labels: number[], classCount: number, sampleRate: number, seed = 1) =>
  sampleClasses(Int32Array.from(labels), { classCount, sampleRate }, createRandom(seed));

describe('the sample', () => {
  it.each([0.1, 0.29, 0.5, 0.51, 0.9])(
    'at %f has ⌊rate · classes⌋ classes, ascending, with the batch’s own',
    (rate) => {
      const labels = [90, 3, 3, 41];
      const { classes, positions } = sample(labels, 100, rate);
      expect(classes.length).toBe(Math.floor(rate * 100));
      expect(classes.every((index, i) => i === 0 || index > (classes[i - 1] ?? 0))).toBe(true);
      expect([...positions].map((position) => classes[position])).toEqual(labels);
    },
  );

  it('holds the batch’s classes alone when they are more', () => {
    const { classes, positions } = sample([7, 5, 7], 10, 0.1);
    expect([...classes]).toEqual([5, 7]);
    expect([...positions]).toEqual([1, 0, 1]);
  });

  it('draws every other class equally often', () => {
    const random = createRandom(3);
    const counts = new Array<number>(20).fill(0);
    for (let i = 0; i < 4000; i += 1) {
      const { classes } = sampleClasses(Int32Array.of(0), { classCount: 20, sampleRate: 0.25 }, random);
      for (const index of classes) counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(counts[0]).toBe(4000);
    // 4 of 19 others, 842 times each on average, with a deviation of 26.
    for (const count of counts.slice(1)) expect(Math.abs(count - 842)).toBeLessThan(130);
  });

  it('follows the seed', () => {
    expect(sample([1], 1000, 0.1, 5)).toEqual(sample([1], 1000, 0.1, 5));
    expect(sample([1], 1000, 0.1, 5)).not.toEqual(sample([1], 1000, 0.1, 6));
  });
});

describe('a head that samples', () => {
  const SHAPE = { classCount: 40, embeddingSize: 4 };
  const labels = tf.tensor1d([3, 17], 'int32');
  const embeddings = tf.tensor2d(spread(8, 0.3), [2, 4]);

  it('reads, moves and decays the sampled rows only', () => {
    const before = tf.memory().numTensors;
    const head = buildHead({ sampleRate: 0.1 }, SHAPE, createRandom(2));
    const [centres] = head.parameters as [Parameter];
    // NaN in every row that is not sampled would show in the loss if it were read.
    const state = head.randoms[0]?.random.state;
    const trial = head.lossAndGradient(embeddings, labels);
    const rows = [...(centres.sparseGradient?.rows.dataSync() ?? [])];
    expect(rows).toHaveLength(4);
    expect(rows).toEqual(expect.arrayContaining([3, 17]));
    const poisoned = centres.value.dataSync().map((value, i) => (rows.includes(i >> 2) ? value : Number.NaN));
    centres.value.dispose();
    centres.value = tf.tensor(poisoned, [40, 4]);
    head.randoms[0]?.random.restore(state as never);
    const { loss, embeddingGradient } = head.lossAndGradient(embeddings, labels);
    expect(loss).toBe(trial.loss);

    const optimizer = new Sgd(head.parameters, { momentum: 0.9, weightDecay: 0.1 });
    optimizer.step(0.1);
    const after = centres.value.dataSync();
    after.forEach((value, i) => {
      if (rows.includes(i >> 2)) expect(value).not.toBe(poisoned[i]);
      else expect(value).toBeNaN();
    });
    optimizer.dispose();
    disposeHead(head);
    tf.dispose([embeddingGradient, trial.embeddingGradient]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('goes on from the state of its generator', () => {
    const head = buildHead({ sampleRate: 0.2 }, SHAPE, createRandom(2));
    const lossOf = () => head.lossAndGradient(embeddings, labels).loss;
    const state = head.randoms[0]?.random.state;
    const losses = [lossOf(), lossOf()];
    expect(losses[0]).not.toBe(losses[1]);
    head.randoms[0]?.random.restore(state as never);
    expect([lossOf(), lossOf()]).toEqual(losses);
  });

  it('at rate 1 is the whole head', () => {
    const head = buildHead({ sampleRate: 1 }, SHAPE, createRandom(2));
    expect(head.randoms).toEqual([]);
    head.lossAndGradient(embeddings, labels);
    expect(head.parameters[0]?.gradient?.shape).toEqual([40, 4]);
  });
});

it('counts the classes that a step compares: the share, or those that a batch can hold', () => {
  expect(comparedClasses(100, { batchSize: 8, sampleRate: 0.25 })).toBe(25);
  expect(comparedClasses(100, { batchSize: 32, sampleRate: 0.25 })).toBe(32);
  expect(comparedClasses(10, { batchSize: 32, sampleRate: 0.25 })).toBe(10);
  expect(comparedClasses(100, { batchSize: 8 })).toBe(100);
});
