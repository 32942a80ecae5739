import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../../engine/load-tensorflow.js';
import { runOp } from '../../engine/raw-op.js';
import type { Parameter } from '../../layers/layer.js';
import { isDecayed, type Optimizer, type OptimizerState, Slots, updateParameter } from './optimizer.js';

export type SgdOptions = {
  readonly momentum: number;
  readonly weightDecay: number;
  /** Nesterov's form: the step looks ahead along the new velocity. Off when left out. */
  readonly nesterov?: boolean;
  /** Whether parameters of one dimension decay too. On when left out, as in arcface_torch. */
  readonly decayNormAndBias?: boolean;
};

/**
 * Stochastic gradient descent with momentum, in PyTorch's form: d = g + weightDecay·w; v ← momentum·v + d;
 * w ← w − learningRate·v, or with Nesterov w ← w − learningRate·(d + momentum·v).
 */
export class Sgd implements Optimizer {
  private readonly velocities: Slots;
  private updates = 0;

  constructor(
    readonly parameters: readonly Parameter[],
    private readonly options: SgdOptions,
  ) {
    this.velocities = new Slots('velocity', parameters);
  }

  step(learningRate: number): void {
    const { tf, hasKernels } = loadTensorFlow();
    const { momentum, nesterov = false } = this.options;
    const isFused = hasKernels && !nesterov;
    const [rateScalar, momentumScalar] = [tf.scalar(learningRate), tf.scalar(momentum)];
    for (const parameter of this.parameters) {
      const weightDecay = this.decayOf(parameter);
      const decayScalar = tf.scalar(weightDecay);
      const rates = [rateScalar, momentumScalar, decayScalar];
      updateParameter(parameter, [this.velocities], (value, [slot], gradient) => {
        const velocity = slot as Tensor;
        return isFused
          ? runOp('ArcqueueSgdMomentum', {}, [value, velocity, gradient, ...rates], 2)
          : composedSgd({ value, velocity, gradient }, learningRate, { momentum, nesterov, weightDecay });
      });
      decayScalar.dispose();
    }
    rateScalar.dispose();
    momentumScalar.dispose();
    this.updates += 1;
  }

  state(): OptimizerState {
    const tensors = new Map<string, Tensor>();
    this.velocities.addTo(tensors);
    return { tensors, updates: this.updates };
  }

  restore({ tensors, updates }: OptimizerState): void {
    this.velocities.restore(tensors);
    this.updates = updates;
  }

  dispose(): void {
    this.velocities.dispose();
  }

  private decayOf(parameter: Parameter): number {
    const { weightDecay, decayNormAndBias = true } = this.options;
    return isDecayed(parameter, decayNormAndBias) ? weightDecay : 0;
  }
}

/** Twin of the kernel, of tfjs operations, and the only form of Nesterov's: [next value, next velocity]. */
export function composedSgd(
  state: { readonly value: Tensor; readonly velocity: Tensor; readonly gradient: Tensor },
  learningRate: number,
  { momentum, weightDecay, nesterov = false }: SgdOptions,
): [Tensor, Tensor] {
  const { tf } = loadTensorFlow();
  const { value, velocity, gradient } = state;
  return tf.tidy(() => {
    const decayed = tf.add(gradient, tf.mul(value, weightDecay));
    const next = tf.add(tf.mul(velocity, momentum), decayed);
    const direction = nesterov ? tf.add(decayed, tf.mul(next, momentum)) : next;
    return [tf.sub(value, tf.mul(direction, learningRate)), next] as [Tensor, Tensor];
  });
}
