import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../../engine/load-tensorflow.js';
import type { Parameter } from '../../layers/layer.js';
import { isDecayed, type Optimizer, type OptimizerState, Slots, updateParameter } from './optimizer.js';

export type AdamwOptions = {
  /** Share of the old mean that the running mean of gradients keeps. */
  readonly beta1: number;
  /** The same for the running mean of squared gradients. */
  readonly beta2: number;
  readonly weightDecay: number;
  readonly decayNormAndBias: boolean;
};

/** PyTorch's default: added to the root of the second moment. */
const EPSILON = 1e-8;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), in PyTorch's form:
 * w ← w·(1 − learningRate·weightDecay) − learningRate·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + 1e-8).
 */
export class AdamW implements Optimizer {
  private readonly means: Slots;
  private readonly squares: Slots;
  private updates = 0;

  constructor(
    readonly parameters: readonly Parameter[],
    private readonly options: AdamwOptions,
  ) {
    this.means = new Slots('mean', parameters);
    this.squares = new Slots('square', parameters);
  }

  step(learningRate: number): void {
    const { tf } = loadTensorFlow();
    const { beta1, beta2, weightDecay, decayNormAndBias } = this.options;
    this.updates += 1;
    const meanCorrection = 1 - beta1 ** this.updates;
    const squareCorrection = 1 - beta2 ** this.updates;
    for (const parameter of this.parameters) {
      const decay = isDecayed(parameter, decayNormAndBias) ? weightDecay : 0;
      updateParameter(parameter, [this.means, this.squares], (value, [mean, square], gradient) =>
        tf.tidy(() => {
          const m = tf.add(tf.mul(mean as Tensor, beta1), tf.mul(gradient, 1 - beta1));
          const v = tf.add(tf.mul(square as Tensor, beta2), tf.mul(tf.square(gradient), 1 - beta2));
          const size = tf.add(tf.sqrt(tf.div(v, squareCorrection)), EPSILON);
          const change = tf.mul(tf.div(m, size), learningRate / meanCorrection);
          return [tf.sub(tf.mul(value, 1 - learningRate * decay), change), m, v];
        }),
      );
    }
  }

  state(): OptimizerState {
    const tensors = new Map<string, Tensor>();
    this.means.addTo(tensors);
    this.squares.addTo(tensors);
    return { tensors, updates: this.updates };
  }

  restore({ tensors, updates }: OptimizerState): void {
    this.means.restore(tensors);
    this.squares.restore(tensors);
    this.updates = updates;
  }

  dispose(): void {
    this.means.dispose();
    this.squares.dispose();
  }
}
