import { expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { WeightAverage } from '../../../src/ml/training/weight-average.js';
import { buildTinyLearner, disposeLearner, weightsOf } from './tiny-learner.js';

const { tf } = loadTensorFlow();

it('follows the weights by hand, lends them to the network, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const learner = buildTinyLearner({ epochs: 1, warmupEpochs: 0 });
  const [centres] = learner.head.parameters;
  if (centres === undefined) throw new Error('expected centres');
  const set = (value: number) => {
    centres.value.dispose();
    centres.value = tf.fill([3, 6], value);
  };
  set(0);
  const average = new WeightAverage(learner, 0.25);
  const averageNow = () => average.during(async () => weightsOf(learner)['head/centres']?.[0]);
  // First update: decay min(0.25, 2/11) = 2/11, so 0 + 9/11 · 11 = 9. Second: min(0.25, 3/12) = 0.25, 9 + 0.75 · (13 − 9) = 12.
  set(11);
  average.update();
  expect(await averageNow()).toBeCloseTo(9, 5);
  set(13);
  average.update();
  expect(await averageNow()).toBeCloseTo(12, 5);
  expect(weightsOf(learner)['head/centres']?.[0]).toBe(13);
  await expect(average.during(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(weightsOf(learner)['head/centres']?.[0]).toBe(13);
  average.dispose();
  disposeLearner(learner);
  expect(tf.memory().numTensors).toBe(before);
});
