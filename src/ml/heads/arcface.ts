import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { normalTensor } from '../backbones/initialise.js';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runOp } from '../engine/raw-op.js';
import { type Parameter, setGradient } from '../layers/layer.js';
import type { Head, HeadResult } from './head.js';

/** Below this, 1 − cos² and squared norms count as this: gradients stay finite at cos = ±1 and at zero. */
const EPSILON = 1e-9;
/** InsightFace draws the class centres from N(0, 0.01²); only their direction matters. */
const CENTRE_DEVIATION = 0.01;

export type ArcfaceOptions = {
  readonly classCount: number;
  readonly embeddingSize: number;
  /** s: length of the logits. */
  readonly scale: number;
  /** m: added to the angle between an embedding and its own centre. */
  readonly marginRadians: number;
};

/** The target's cosine after the margin, and its derivative. Both [n]; the caller owns them. */
export type TargetCosine = { readonly value: Tensor1D; readonly derivative: Tensor1D };

/**
 * ArcFace's target function (Deng et al. 2019, arXiv:1801.07698): cos(θ + m), continued below cos(π − m) by the
 * line cos θ − m·sin m. The continuation keeps it monotonic: without it, an image opposite to its centre gains by
 * staying there, and training can collapse with a loss near 0.
 */
export function applyMargin(cosine: Tensor1D, marginRadians: number): TargetCosine {
  const { tf } = loadTensorFlow();
  const cosM = Math.cos(marginRadians);
  const sinM = Math.sin(marginRadians);
  return tf.tidy(() => {
    const sine = tf.sqrt(tf.maximum(tf.sub(1, tf.square(cosine)), EPSILON));
    const beforeTurn = tf.greater(cosine, Math.cos(Math.PI - marginRadians));
    const shifted = tf.sub(tf.mul(cosine, cosM), tf.mul(sine, sinM));
    const line = tf.sub(cosine, marginRadians * sinM);
    const slope = tf.add(cosM, tf.div(tf.mul(cosine, sinM), sine));
    return {
      value: tf.where(beforeTurn, shifted, line) as Tensor1D,
      derivative: tf.where(beforeTurn, slope, tf.onesLike(slope)) as Tensor1D,
    };
  });
}

/**
 * ArcFace: cross entropy over s·cos θ, with the margin on each image's own class. Unlike arcface_torch, the
 * gradient runs through the margin (docs/decisions/margin-gradient.md).
 */
export class ArcfaceHead implements Head {
  readonly parameters: readonly [Parameter];
  marginFactor = 1;
  readonly buffers = [];
  readonly randoms = [];

  constructor(
    private readonly options: ArcfaceOptions,
    centres: Tensor,
  ) {
    this.parameters = [{ name: 'head/centres', value: centres, gradient: null }];
  }

  static build(options: ArcfaceOptions, random: Random): ArcfaceHead {
    const shape = [options.classCount, options.embeddingSize];
    return new ArcfaceHead(options, normalTensor(shape, CENTRE_DEVIATION, random));
  }

  lossAndGradient(embeddings: Tensor, labels: Tensor1D): HeadResult {
    const { tf } = loadTensorFlow();
    const [centres] = this.parameters;
    const { scale } = this.options;
    const marginRadians = this.options.marginRadians * this.marginFactor;
    const kept = tf.tidy(() => {
      const unit = normaliseRows(embeddings);
      const unitCentres = normaliseRows(centres.value);
      const cosine = tf.matMul(unit.value, unitCentres.value, false, true); // [n, classes]
      const rows = tf.range(0, labels.size, 1, 'int32');
      const targets = tf.stack([rows, labels], 1) as Tensor2D; // [n, 2]
      const { value, derivative } = applyMargin(tf.gatherND(cosine, targets) as Tensor1D, marginRadians);
      const logits = tf.mul(tf.tensorScatterUpdate(cosine, targets, value), scale);
      const { losses, gradient } = softmaxCrossEntropy(logits, labels);

      // Mean over the batch, then the chain through scale, margin (target only), cosine and normalisation.
      const perCosine = tf.mul(gradient, scale / labels.size);
      const perTarget = tf.mul(tf.gatherND(perCosine, targets), derivative) as Tensor1D;
      const dCosine = tf.tensorScatterUpdate(perCosine, targets, perTarget);
      const predicted = tf.argMax(cosine, 1).toInt();
      return {
        loss: tf.mean(losses),
        accuracy: tf.mean(tf.cast(tf.equal(predicted, labels), 'float32')),
        embeddingGradient: throughNormalisation(tf.matMul(dCosine, unitCentres.value), unit),
        centreGradient: throughNormalisation(tf.matMul(dCosine, unit.value, true, false), unitCentres),
      };
    });
    setGradient(centres, kept.centreGradient);
    const result = {
      loss: kept.loss.dataSync()[0] ?? Number.NaN,
      accuracy: kept.accuracy.dataSync()[0] ?? Number.NaN,
      embeddingGradient: kept.embeddingGradient,
    };
    kept.loss.dispose();
    kept.accuracy.dispose();
    return result;
  }

  logits(embeddings: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    return tf.tidy(() => {
      const unit = normaliseRows(embeddings);
      const centres = normaliseRows(this.parameters[0].value);
      return tf.mul(tf.matMul(unit.value, centres.value, false, true), this.options.scale);
    });
  }
}

type Rows = { readonly value: Tensor2D; readonly length: Tensor };

function normaliseRows(x: Tensor): Rows {
  const { tf } = loadTensorFlow();
  const length = tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), EPSILON));
  return { value: tf.div(x, length) as Tensor2D, length };
}

/** Gradient through x ↦ x/‖x‖: what is left of `dUnit` once its part along x is removed, over ‖x‖. */
function throughNormalisation(dUnit: Tensor, { value, length }: Rows): Tensor {
  const { tf } = loadTensorFlow();
  const along = tf.sum(tf.mul(dUnit, value), 1, true);
  return tf.div(tf.sub(dUnit, tf.mul(value, along)), length);
}

/** Per-image loss [n] and its gradient with respect to the logits, softmax − one-hot, [n, classes]. */
function softmaxCrossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; gradient: Tensor } {
  const types = { T: { dtype: 'float32' }, Tlabels: { dtype: 'int32' } } as const;
  const [losses, gradient] = runOp('SparseSoftmaxCrossEntropyWithLogits', types, [logits, labels], 2);
  return { losses: losses as Tensor, gradient: gradient as Tensor };
}
