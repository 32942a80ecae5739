import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { NamedRandom, Parameter } from '../layers/layer.js';
import { ClassCentres } from './class-centres.js';
import type { Head, HeadResult } from './head.js';
import { marginSoftmax } from './margin-softmax.js';

export type LinearHeadOptions = {
  readonly classCount: number;
  readonly sampleRate: number;
  readonly labelSmoothing: number;
};

/** Plain softmax: logits x·wᵀ + b, without normalising, scale or margin. */
export class LinearHead implements Head {
  readonly parameters: readonly Parameter[];
  readonly buffers = [];
  readonly randoms: readonly NamedRandom[];
  /** There is no margin; any factor means the same. */
  marginFactor = 1;
  private readonly classes: ClassCentres;

  /**
   * @param weights [classes, d] and @param bias [classes]; the head's from here on
   * @param random draws the sampled classes
   */
  constructor(
    private readonly options: LinearHeadOptions,
    weights: Tensor,
    bias: Tensor,
    random: Random,
  ) {
    this.parameters = [
      { name: 'head/centres', value: weights, gradient: null },
      { name: 'head/bias', value: bias, gradient: null },
    ];
    this.classes = new ClassCentres(this.parameters, { ...options, rowsPerClass: 1 }, random);
    this.randoms = this.classes.randoms;
  }

  lossAndGradient(embeddings: Tensor, labels: Tensor1D): HeadResult {
    const { tf } = loadTensorFlow();
    const selection = this.classes.select(labels);
    const [weights, bias] = selection.values as [Tensor2D, Tensor1D];
    const kept = tf.tidy(() => {
      const logits = tf.add(tf.matMul(embeddings, weights, false, true), bias) as Tensor2D;
      const ones = tf.onesLike(bias);
      const targets = tf.stack([tf.range(0, labels.size, 1, 'int32'), selection.labels], 1) as Tensor2D;
      const values = tf.gatherND(logits, targets).dataSync() as Float32Array;
      const outcome = marginSoftmax(
        { products: logits, inverseLengths: ones, labels: selection.labels, subCenters: 1 },
        {
          values,
          slopes: values.map(() => 1),
          scales: values.map(() => 1),
          hardAbove: values.map(() => Number.POSITIVE_INFINITY),
          hardLinear: values.map(() => 0),
          filterAbove: Number.POSITIVE_INFINITY,
          labelSmoothing: this.options.labelSmoothing,
        },
      );
      return {
        loss: tf.mean(outcome.losses),
        accuracy: tf.mean(outcome.hits),
        embeddingGradient: tf.matMul(outcome.productGradient, weights),
        weightGradient: tf.matMul(outcome.productGradient, embeddings as Tensor2D, true, false),
        biasGradient: tf.sum(outcome.productGradient, 0),
      };
    });
    const { embeddingGradient, weightGradient, biasGradient, ...scalars } = kept;
    const [loss, accuracy] = [scalars.loss, scalars.accuracy].map((one) => one.dataSync()[0] ?? Number.NaN);
    tf.dispose([scalars.loss, scalars.accuracy]);
    selection.finish([weightGradient, biasGradient]);
    return { loss: loss as number, accuracy: accuracy as number, embeddingGradient };
  }

  logits(embeddings: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    const [weights, bias] = this.parameters.map(({ value }) => value) as [Tensor, Tensor];
    return tf.tidy(() => tf.add(tf.matMul(embeddings, weights, false, true), bias));
  }
}
