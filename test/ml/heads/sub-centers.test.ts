import { expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { findOutliers, ownCosines } from '../../../src/ml/heads/sub-centers.js';

const { tf } = loadTensorFlow();
/** A unit vector at an angle, with a length. */
const at = (degrees: number, length = 1) => [
  length * Math.cos((degrees * Math.PI) / 180),
  length * Math.sin((degrees * Math.PI) / 180),
];

it('images further than 75° from the centre that most images of their class are near to are outliers', () => {
  // Class 0: centres at 0° and 100°, two of three images near the first. Class 1: centres at 180° and 270°.
  const centres = tf.tensor2d([at(0, 2), at(100), at(180), at(270, 5)]);
  const images = tf.tensor2d([at(10), at(-20, 3), at(105), at(74), at(180), at(260), at(270), at(280)]);
  const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1);
  const before = tf.memory().numTensors;
  // At 74° the second centre is nearer, which makes 2 against 2: the first of equals is dominant.
  const cosines = ownCosines(centres, images, labels, 2);
  const outliers = findOutliers(cosines, labels, { subCenters: 2 });
  expect(outliers.map(({ index, label }) => [index, label])).toEqual([
    [2, 0],
    [4, 1],
  ]);
  expect(outliers[0]?.degrees).toBeCloseTo(105, 3);
  expect(outliers[1]?.degrees).toBeCloseTo(90, 3);
  expect(tf.memory().numTensors).toBe(before);
  const stricter = findOutliers(cosines, labels, { subCenters: 2, degrees: 73 });
  expect(stricter.map(({ index }) => index)).toEqual([2, 4, 3]);
});

it('an image that is not finite is no outlier by silence: it is reported', () => {
  const labels = Int32Array.of(0);
  const cosines = ownCosines(tf.tensor2d([at(0)]), tf.tensor2d([[Number.NaN, 0]]), labels, 1);
  const outliers = findOutliers(cosines, labels, { subCenters: 1 });
  expect(outliers).toHaveLength(1);
});
