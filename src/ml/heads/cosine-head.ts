import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { NamedRandom, NetworkBuffer, Parameter } from '../layers/layer.js';
import { ClassCentres } from './class-centres.js';
import type { CosineLoss } from './cosine-loss.js';
import type { Head, HeadResult } from './head.js';
import { type Margins, marginSoftmax, type Similarities, type SoftmaxOutcome } from './margin-softmax.js';
import { type Directions, inverseLengths, normaliseRows, throughNormalisation } from './normalise.js';
import { subtractRadial } from './subtract-radial.js';

export type CosineHeadOptions = {
  readonly classCount: number;
  /** s; not read by a loss that is scaled by the embeddings' lengths. */
  readonly scale: number;
  readonly subCenters: number;
  readonly sampleRate: number;
  /** 1: off. */
  readonly interclassFilter: number;
  readonly labelSmoothing: number;
};

/** What a loss has said of a batch. */
type Targets = Margins & {
  /** Derivative of `values` with respect to the embeddings' lengths. */
  readonly normSlopes: Float32Array;
  /** Mean over the batch of the loss's term in the length, and its derivative for each image. */
  readonly penalty: number;
  readonly penaltySlopes: Float32Array;
};

/**
 * Softmax over cosines between embeddings and class centres, with the margin of a `CosineLoss` on each image's own
 * class. A class may have several centres; the nearest counts (Deng et al. 2020, "Sub-center ArcFace").
 */
export class CosineHead implements Head {
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly NetworkBuffer[];
  readonly randoms: readonly NamedRandom[];
  marginFactor = 1;
  private readonly centres: ClassCentres;

  /**
   * @param centres [classes · subCenters, d], a class's side by side; the head's from here on
   * @param random draws the sampled classes
   */
  constructor(
    private readonly loss: CosineLoss,
    private readonly options: CosineHeadOptions,
    centres: Tensor,
    random: Random,
  ) {
    this.parameters = [{ name: 'head/centres', value: centres, gradient: null }];
    this.buffers = loss.buffers ?? [];
    const sampling = { ...options, rowsPerClass: options.subCenters };
    this.centres = new ClassCentres(this.parameters, sampling, random);
    this.randoms = this.centres.randoms;
  }

  lossAndGradient(embeddings: Tensor, labels: Tensor1D): HeadResult {
    const { tf } = loadTensorFlow();
    const { subCenters } = this.options;
    const selection = this.centres.select(labels);
    const centres = selection.values[0] as Tensor2D;
    const directions = normaliseRows(embeddings);
    const similarities = {
      products: tf.matMul(directions.units, centres, false, true) as Tensor2D,
      inverseLengths: inverseLengths(centres),
      labels: selection.labels,
      subCenters,
    };
    const targets = this.applyLoss(targetCosines(similarities), directions.lengths.dataSync());
    const outcome = marginSoftmax(similarities, targets);

    const embeddingGradient = this.embeddingGradient(outcome, targets, { centres, directions });
    const dCentres = tf.matMul(outcome.productGradient, directions.units, true, false) as Tensor2D;
    const centreGradient = subtractRadial(dCentres, centres, outcome.radial, similarities.inverseLengths);
    const result = {
      loss: mean(outcome.losses.dataSync()) + targets.penalty,
      accuracy: mean(outcome.hits.dataSync()),
      embeddingGradient,
    };
    tf.dispose([{ ...outcome }, { ...directions }, similarities.inverseLengths]);
    selection.finish([centreGradient]);
    return result;
  }

  logits(embeddings: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    const { scale, subCenters, classCount } = this.options;
    return tf.tidy(() => {
      const centres = (this.parameters[0] as Parameter).value;
      const { units, lengths } = normaliseRows(embeddings);
      const products = tf.matMul(units, centres, false, true);
      const cosines = tf.mul(products, inverseLengths(centres));
      const nearest = tf.max(tf.reshape(cosines, [-1, classCount, subCenters]), 2);
      return tf.mul(nearest, this.loss.isScaledByNorm ? lengths : scale);
    });
  }

  /** Asks the loss about each image. The only part of a step that runs image by image, in JavaScript's float64. */
  private applyLoss(cosines: ArrayLike<number>, lengths: ArrayLike<number>): Targets {
    const { loss, marginFactor } = this;
    const { scale, interclassFilter, labelSmoothing } = this.options;
    const cosine = Array.from(cosines, withinRange);
    const norms = Array.from(lengths);
    loss.observe?.(cosine, norms);
    const targets = cosine.map((c, i) => loss.target(c, norms[i] as number, marginFactor));
    const hard = cosine.map((c) => loss.hardNegatives?.(c, marginFactor));
    const penalties = norms.map((norm) => loss.normPenalty?.(norm) ?? { value: 0, slope: 0 });
    return {
      values: Float32Array.from(targets, ({ value }) => value),
      slopes: Float32Array.from(targets, ({ slope }) => slope),
      normSlopes: Float32Array.from(targets, ({ normSlope }) => normSlope ?? 0),
      scales: Float32Array.from(norms, (norm) => (loss.isScaledByNorm ? norm : scale)),
      hardAbove: Float32Array.from(hard, (one) => one?.above ?? Number.POSITIVE_INFINITY),
      hardLinear: Float32Array.from(hard, (one) => one?.linear ?? 0),
      penalty: mean(penalties.map(({ value }) => value)),
      penaltySlopes: Float32Array.from(penalties, ({ slope }) => slope / norms.length),
      // Rounding may carry a cosine past 1: at 1 nothing shall be filtered.
      filterAbove: interclassFilter < 1 ? interclassFilter : Number.POSITIVE_INFINITY,
      labelSmoothing,
    };
  }

  /** Through the cosines into the direction, and through margin, scale and penalty into the length. */
  private embeddingGradient(
    { productGradient, valueGradient, scaleGradient }: SoftmaxOutcome,
    { normSlopes, penaltySlopes }: Targets,
    { centres, directions }: { centres: Tensor2D; directions: Directions },
  ): Tensor {
    const { tf } = loadTensorFlow();
    return tf.tidy(() => {
      const dUnits = tf.matMul(productGradient, centres);
      const sideways = throughNormalisation(dUnits, directions);
      const ofMargin = tf.mul(valueGradient, tf.tensor1d(normSlopes));
      const ofLength = tf.add(ofMargin, tf.tensor1d(penaltySlopes));
      const along = this.loss.isScaledByNorm ? tf.add(ofLength, scaleGradient) : ofLength;
      return tf.add(sideways, tf.mul(directions.units, tf.expandDims(along, 1)));
    });
  }
}

/** Each image's largest cosine with its own class's centres, [n]. */
function targetCosines({ products, inverseLengths, labels, subCenters }: Similarities): Float32Array {
  const { tf } = loadTensorFlow();
  const found = tf.tidy(() => {
    const [images, centres] = products.shape;
    const byClass = [images, centres / subCenters, subCenters];
    const targets = tf.stack([tf.range(0, images, 1, 'int32'), labels], 1) as Tensor2D; // [n, 2]
    const own = tf.gatherND(tf.reshape(products, byClass), targets); // [n, subCenters]
    return tf.max(tf.mul(own, tf.gather(tf.reshape(inverseLengths, byClass.slice(1)), labels)), 1);
  });
  const values = found.dataSync() as Float32Array;
  found.dispose();
  return values;
}

/** Rounding may carry a cosine past 1; what is not finite stays visible as NaN. */
function withinRange(cosine: number): number {
  return Number.isFinite(cosine) ? Math.min(1, Math.max(-1, cosine)) : Number.NaN;
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
