import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Attribute, runOp } from '../engine/raw-op.js';
import {
  BATCH_NORM_EPSILON,
  BATCH_NORM_MOMENTUM,
  type BatchNormState,
  type BatchNormSteps,
} from './batch-norm-state.js';
import { type NetworkBuffer, setGradient, takeKept } from './layer.js';

type Kept = { readonly x: Tensor; readonly reserves: readonly Tensor[] };

const attributes: Record<string, Attribute> = {
  T: { dtype: 'float32' },
  U: { dtype: 'float32' },
  epsilon: { float: BATCH_NORM_EPSILON },
  data_format: { string: 'NHWC' },
};

/** Batch norm by TensorFlow's FusedBatchNormV3 and its gradient: the twin that a GPU uses. */
export class TensorflowBatchNorm implements BatchNormSteps {
  private kept: Kept | null = null;

  constructor(private readonly state: BatchNormState) {}

  forward(x: Tensor, training: boolean): Tensor {
    const [gamma, beta] = this.state.parameters;
    const [mean, variance] = this.state.buffers;
    const images = toImages(x);
    const empty = loadTensorFlow().tf.zeros([0]);
    const statistics = training ? [empty, empty] : [mean.value, variance.value];
    const [y, batchMean, batchVariance, ...reserves] = runOp(
      'FusedBatchNormV3',
      { ...attributes, is_training: { bool: training }, exponential_avg_factor: { float: 1 } },
      [images, gamma.value, beta.value, ...statistics],
      6,
    ) as [Tensor, Tensor, Tensor, ...Tensor[]];
    empty.dispose();
    const result = fromImages(y, x.shape);
    x.dispose();
    if (training) {
      follow(mean, batchMean);
      follow(variance, batchVariance);
      this.kept = { x: images, reserves };
    } else {
      for (const tensor of [images, ...reserves]) tensor.dispose();
    }
    batchMean.dispose();
    batchVariance.dispose();
    return result;
  }

  backward(dy: Tensor): Tensor {
    const { x, reserves } = takeKept(this.kept, this.state.name);
    this.kept = null;
    const [gamma, beta] = this.state.parameters;
    const images = toImages(dy);
    const [dx, dGamma, dBeta, ...unused] = runOp(
      'FusedBatchNormGradV3',
      { ...attributes, is_training: { bool: true } },
      [images, x, gamma.value, ...reserves],
      5,
    ) as [Tensor, Tensor, Tensor, ...Tensor[]];
    setGradient(gamma, dGamma);
    setGradient(beta, dBeta);
    const result = fromImages(dx, dy.shape);
    for (const tensor of [dy, images, x, ...reserves, ...unused]) tensor.dispose();
    return result;
  }
}

/** buffer ← momentum · buffer + (1 − momentum) · value */
function follow(buffer: NetworkBuffer, value: Tensor): void {
  const { tf } = loadTensorFlow();
  const next = tf.tidy(() =>
    tf.add(tf.mul(buffer.value, BATCH_NORM_MOMENTUM), tf.mul(value, 1 - BATCH_NORM_MOMENTUM)),
  );
  buffer.value.dispose();
  buffer.value = next;
}

/** [n, c] as [n, 1, 1, c], the only rank the fused operation takes; a reference, not a copy. */
function toImages(x: Tensor): Tensor {
  const [batch, channels] = x.shape;
  return x.rank === 2 ? x.reshape([batch ?? 0, 1, 1, channels ?? 0]) : x.clone();
}

function fromImages(y: Tensor, shape: number[]): Tensor {
  if (shape.length !== 2) return y;
  const flat = y.reshape(shape);
  y.dispose();
  return flat;
}
