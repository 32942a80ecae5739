import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { normaliseRows } from './normalise.js';

/** The angle beyond which the sub-center paper drops an image before it trains again with one centre per class. */
export const OUTLIER_DEGREES = 75;

/** An image that lies far from what most images of its class look like. */
export type Outlier = {
  /** Of the image, among those given. */
  readonly index: number;
  readonly label: number;
  /** Angle to the class's dominant centre. */
  readonly degrees: number;
};

/**
 * Images that are likely to bear a wrong label (Deng et al. 2020, "Sub-center ArcFace: Boosting Face Recognition by
 * Large-scale Noisy Web Faces"): those further than an angle from the dominant centre of their class, the one that is
 * nearest to most of the class's images, the first of equals.
 * @param cosines [n · subCenters], of each image with its own class's centres
 * @param labels [n]
 * @returns by angle, the largest first
 */
export function findOutliers(
  cosines: Float32Array,
  labels: Int32Array,
  { subCenters, degrees = OUTLIER_DEGREES }: { readonly subCenters: number; readonly degrees?: number },
): Outlier[] {
  const row = (index: number) => cosines.subarray(index * subCenters, (index + 1) * subCenters);
  const votes = new Map<number, number[]>();
  labels.forEach((label, index) => {
    const counts = votes.get(label) ?? new Array<number>(subCenters).fill(0);
    const nearest = indexOfLargest(row(index));
    counts[nearest] = (counts[nearest] ?? 0) + 1;
    votes.set(label, counts);
  });
  const outliers: Outlier[] = [];
  labels.forEach((label, index) => {
    const dominant = indexOfLargest(votes.get(label) ?? []);
    const cosine = row(index)[dominant] ?? Number.NaN;
    const angle = (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
    // Written so that an angle which is not a number counts as far.
    if (!(angle <= degrees)) outliers.push({ index, label, degrees: angle });
  });
  return outliers.sort((a, b) => b.degrees - a.degrees);
}

/**
 * Cosines of each image of a batch with the centres of its own class, [n · subCenters].
 * @param centres [classes · subCenters, d], a class's side by side, as a head's first parameter; stays the caller's
 * @param embeddings [n, d], not normalised; stays the caller's
 * @param labels [n], each in [0, classes)
 */
export function ownCosines(
  centres: Tensor,
  embeddings: Tensor,
  labels: Int32Array,
  subCenters: number,
): Float32Array {
  const { tf } = loadTensorFlow();
  const [rows = 0, size = 0] = centres.shape;
  const cosines = tf.tidy(() => {
    const { units } = normaliseRows(embeddings);
    const byClass = tf.reshape(centres, [rows / subCenters, subCenters * size]);
    const own = tf.gather(byClass, tf.tensor1d(labels, 'int32') as Tensor1D); // [n, subCenters · d]
    const directions = normaliseRows(tf.reshape(own, [labels.length * subCenters, size])).units;
    const ofImages = tf.reshape(directions, [labels.length, subCenters, size]);
    return tf.sum(tf.mul(ofImages, tf.expandDims(units as Tensor2D, 1)), 2);
  });
  const values = cosines.dataSync() as Float32Array;
  cosines.dispose();
  return values;
}

function indexOfLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i += 1) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}
