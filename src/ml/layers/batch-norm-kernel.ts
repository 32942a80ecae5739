import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runOp, runSingleOp } from '../engine/raw-op.js';
import {
  BATCH_NORM_EPSILON,
  BATCH_NORM_MOMENTUM,
  type BatchNormState,
  type BatchNormSteps,
} from './batch-norm-state.js';
import { type Parameter, setGradient, takeKept } from './layer.js';

type Kept = { readonly x: Tensor; readonly mean: Tensor; readonly inverseDeviation: Tensor };

const epsilon = { float: BATCH_NORM_EPSILON };
const momentum = { float: BATCH_NORM_MOMENTUM };

/**
 * Batch norm by this project's kernels, with or without a PReLU after it. With one, its input is not kept: the
 * gradient computes it again from x. Moving statistics are followed in the same pass.
 */
export class KernelBatchNorm implements BatchNormSteps {
  private kept: Kept | null = null;

  /** @param alpha the slopes of the PReLU that follows, [c]; null for none */
  constructor(
    private readonly state: BatchNormState,
    private readonly alpha: Parameter | null,
  ) {}

  forward(x: Tensor, training: boolean): Tensor {
    const {
      parameters: [gamma, beta],
      buffers: [mean, variance],
    } = this.state;
    if (!training) {
      const y = this.apply(x, mean.value, variance.value, false);
      x.dispose();
      return y;
    }
    const alpha = this.takeAlpha();
    const [y, batchMean, inverseDeviation, nextMean, nextVariance] = runOp(
      'ArcqueueBatchNorm',
      { epsilon, momentum },
      [x, gamma.value, beta.value, alpha, mean.value, variance.value],
      5,
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
    for (const tensor of [alpha, mean.value, variance.value]) tensor.dispose();
    mean.value = nextMean;
    variance.value = nextVariance;
    this.kept = { x, mean: batchMean, inverseDeviation };
    return y;
  }

  /** The output of the last forward pass in training mode, computed again; before `backward`. */
  outputAgain(): Tensor {
    const { x, mean, inverseDeviation } = takeKept(this.kept, this.state.name);
    return this.apply(x, mean, inverseDeviation, true);
  }

  backward(dy: Tensor): Tensor {
    const { name, parameters } = this.state;
    const { x, mean, inverseDeviation } = takeKept(this.kept, name);
    this.kept = null;
    const [gamma, beta] = parameters;
    const alpha = this.takeAlpha();
    const [dx, dGamma, dBeta, dAlpha] = runOp(
      'ArcqueueBatchNormGrad',
      {},
      [dy, x, gamma.value, beta.value, alpha, mean, inverseDeviation],
      4,
    ) as [Tensor, Tensor, Tensor, Tensor];
    setGradient(gamma, dGamma);
    setGradient(beta, dBeta);
    if (this.alpha === null) dAlpha.dispose();
    else setGradient(this.alpha, dAlpha);
    for (const tensor of [dy, x, mean, inverseDeviation, alpha]) tensor.dispose();
    return dx;
  }

  /** @param spread the variance, or 1 / sqrt(variance + epsilon) */
  private apply(x: Tensor, mean: Tensor, spread: Tensor, isInverseDeviation: boolean): Tensor {
    const [gamma, beta] = this.state.parameters;
    const alpha = this.takeAlpha();
    const attributes = { epsilon, is_inverse_deviation: { bool: isInverseDeviation } };
    const inputs = [x, gamma.value, beta.value, alpha, mean, spread];
    const y = runSingleOp('ArcqueueBatchNormApply', attributes, inputs);
    alpha.dispose();
    return y;
  }

  /** The slopes, or an empty tensor, which the kernels read as "no PReLU"; the caller disposes it. */
  private takeAlpha(): Tensor {
    return this.alpha?.value.clone() ?? loadTensorFlow().tf.zeros([0]);
  }
}
