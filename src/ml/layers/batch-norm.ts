import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Attribute, runOp } from '../engine/raw-op.js';
import type { LayersGraph } from '../export/layers-graph.js';
import { type Layer, type NetworkBuffer, type Parameter, setGradient, takeKept } from './layer.js';

/** PyTorch's defaults, which InsightFace trains with; `momentum` in Keras's sense, the share of the old value. */
export const BATCH_NORM_MOMENTUM = 0.9;
export const BATCH_NORM_EPSILON = 1e-5;

type Kept = { readonly x: Tensor; readonly reserves: readonly Tensor[] };

const attributes: Record<string, Attribute> = {
  T: { dtype: 'float32' },
  U: { dtype: 'float32' },
  epsilon: { float: BATCH_NORM_EPSILON },
  data_format: { string: 'NHWC' },
};

/**
 * Batch normalisation over all but the last axis, by TensorFlow's FusedBatchNormV3 and its gradient.
 * x [n, h, w, c] or [n, c]. The moving variance follows the unbiased batch variance, as PyTorch's does.
 */
export class BatchNorm implements Layer {
  readonly parameters: readonly [Parameter, Parameter];
  readonly buffers: readonly [NetworkBuffer, NetworkBuffer];
  private kept: Kept | null = null;

  constructor(
    readonly name: string,
    channels: number,
  ) {
    const { tf } = loadTensorFlow();
    this.parameters = [
      { name: `${name}/gamma`, value: tf.ones([channels]), gradient: null },
      { name: `${name}/beta`, value: tf.zeros([channels]), gradient: null },
    ];
    this.buffers = [
      { name: `${name}/moving_mean`, value: tf.zeros([channels]) },
      { name: `${name}/moving_variance`, value: tf.ones([channels]) },
    ];
  }

  forward(x: Tensor, training: boolean): Tensor {
    const [gamma, beta] = this.parameters;
    const [mean, variance] = this.buffers;
    const images = this.toImages(x);
    const empty = loadTensorFlow().tf.zeros([0]);
    const statistics = training ? [empty, empty] : [mean.value, variance.value];
    const [y, batchMean, batchVariance, ...reserves] = runOp(
      'FusedBatchNormV3',
      { ...attributes, is_training: { bool: training }, exponential_avg_factor: { float: 1 } },
      [images, gamma.value, beta.value, ...statistics],
      6,
    ) as [Tensor, Tensor, Tensor, ...Tensor[]];
    empty.dispose();
    const result = this.fromImages(y, x.shape);
    x.dispose();
    if (training) {
      this.follow(mean, batchMean);
      this.follow(variance, batchVariance);
      this.kept = { x: images, reserves };
    } else {
      for (const tensor of [images, ...reserves]) tensor.dispose();
    }
    batchMean.dispose();
    batchVariance.dispose();
    return result;
  }

  backward(dy: Tensor): Tensor {
    const { x, reserves } = takeKept(this.kept, this.name);
    this.kept = null;
    const [gamma, beta] = this.parameters;
    const images = this.toImages(dy);
    const [dx, dGamma, dBeta, ...unused] = runOp(
      'FusedBatchNormGradV3',
      { ...attributes, is_training: { bool: true } },
      [images, x, gamma.value, ...reserves],
      5,
    ) as [Tensor, Tensor, Tensor, ...Tensor[]];
    setGradient(gamma, dGamma);
    setGradient(beta, dBeta);
    const result = this.fromImages(dx, dy.shape);
    for (const tensor of [dy, images, x, ...reserves, ...unused]) tensor.dispose();
    return result;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const layer = graph.tf.layers.batchNormalization({
      name: this.name,
      momentum: BATCH_NORM_MOMENTUM,
      epsilon: BATCH_NORM_EPSILON,
    });
    const values = [...this.parameters, ...this.buffers].map(({ value }) => value);
    return graph.bind(layer, values).apply(x) as SymbolicTensor;
  }

  /** buffer ← momentum · buffer + (1 − momentum) · value */
  private follow(buffer: NetworkBuffer, value: Tensor): void {
    const { tf } = loadTensorFlow();
    const next = tf.tidy(() =>
      tf.add(tf.mul(buffer.value, BATCH_NORM_MOMENTUM), tf.mul(value, 1 - BATCH_NORM_MOMENTUM)),
    );
    buffer.value.dispose();
    buffer.value = next;
  }

  /** [n, c] as [n, 1, 1, c], the only rank the fused operation takes; a reference, not a copy. */
  private toImages(x: Tensor): Tensor {
    const [batch, channels] = x.shape;
    return x.rank === 2 ? x.reshape([batch ?? 0, 1, 1, channels ?? 0]) : x.clone();
  }

  private fromImages(y: Tensor, shape: number[]): Tensor {
    if (shape.length !== 2) return y;
    const flat = y.reshape(shape);
    y.dispose();
    return flat;
  }
}
