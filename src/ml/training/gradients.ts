import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import {
  disposeGradient,
  type Parameter,
  type SparseGradient,
  setGradient,
  setSparseGradient,
} from '../layers/layer.js';

/**
 * The gradient of a step that is computed in several batches: the mean over all of the step's images, so that
 * a batch weighs as many images as it has.
 */
export class GradientMean {
  private readonly dense = new Map<Parameter, Tensor>();
  private readonly sparse = new Map<Parameter, SparseGradient>();

  constructor(private readonly parameters: readonly Parameter[]) {}

  /** Takes each parameter's gradient, a mean over one batch. @param share the batch's share of the step's images */
  add(share: number): void {
    const { tf } = loadTensorFlow();
    for (const parameter of this.parameters) {
      scaleGradient(parameter, share);
      const { gradient, sparseGradient } = parameter;
      if (gradient !== null) {
        const before = this.dense.get(parameter);
        this.dense.set(parameter, before === undefined ? gradient.clone() : tf.add(before, gradient));
        before?.dispose();
      } else if (sparseGradient) {
        const before = this.sparse.get(parameter);
        const { rows, values } = sparseGradient;
        this.sparse.set(
          parameter,
          before === undefined
            ? { rows: rows.clone(), values: values.clone() }
            : addRows(before, sparseGradient),
        );
        if (before !== undefined) disposeSparse(before);
      }
      disposeGradient(parameter);
    }
  }

  /** Hands the mean to the parameters. */
  release(): void {
    for (const [parameter, sum] of this.dense) setGradient(parameter, sum);
    for (const [parameter, sum] of this.sparse) setSparseGradient(parameter, sum);
    this.dense.clear();
    this.sparse.clear();
  }

  dispose(): void {
    for (const sum of this.dense.values()) sum.dispose();
    for (const sum of this.sparse.values()) disposeSparse(sum);
    this.dense.clear();
    this.sparse.clear();
  }
}

/** Drops gradients that are not to be used. */
export function discardGradients(parameters: readonly Parameter[]): void {
  for (const parameter of parameters) disposeGradient(parameter);
}

/** What PyTorch adds to the norm that it divides by. */
const NORM_EPSILON = 1e-6;

/**
 * Shortens the gradients, taken as one vector, to at most `limit` (PyTorch's clip_grad_norm_).
 * @returns their norm before; when it is not finite, the gradients are left as they are
 */
export function clipGradients(parameters: readonly Parameter[], limit: number): number {
  const { tf } = loadTensorFlow();
  const gradients = parameters
    .map(({ gradient, sparseGradient }) => gradient ?? sparseGradient?.values ?? null)
    .filter((gradient) => gradient !== null);
  if (gradients.length === 0) return 0;
  const squared = tf.tidy(() => tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))));
  const norm = Math.sqrt(squared.dataSync()[0] ?? Number.NaN);
  squared.dispose();
  if (!Number.isFinite(norm) || norm <= limit) return norm;
  for (const parameter of parameters) scaleGradient(parameter, limit / (norm + NORM_EPSILON));
  return norm;
}

function scaleGradient(parameter: Parameter, factor: number): void {
  const { tf } = loadTensorFlow();
  const { gradient, sparseGradient } = parameter;
  if (gradient !== null) setGradient(parameter, tf.mul(gradient, factor));
  else if (sparseGradient) {
    const { rows, values } = sparseGradient;
    setSparseGradient(parameter, { rows: rows.clone(), values: tf.mul(values, factor) });
  }
}

/** The sum of two gradients of some rows. */
function addRows(a: SparseGradient, b: SparseGradient): SparseGradient {
  const { tf } = loadTensorFlow();
  const indices = [...a.rows.dataSync(), ...b.rows.dataSync()];
  const rows = [...new Set(indices)].sort((left, right) => left - right);
  const placeOf = new Map(rows.map((row, place) => [row, place]));
  const places = indices.map((row) => placeOf.get(row) ?? 0);
  const values = tf.tidy(() =>
    tf.unsortedSegmentSum(tf.concat([a.values, b.values], 0), tf.tensor1d(places, 'int32'), rows.length),
  );
  return { rows: tf.tensor1d(rows, 'int32'), values };
}

function disposeSparse({ rows, values }: SparseGradient): void {
  rows.dispose();
  values.dispose();
}
