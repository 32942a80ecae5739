import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runOp } from '../engine/raw-op.js';
import type { Parameter } from '../layers/layer.js';

export type SgdOptions = { readonly momentum: number; readonly weightDecay: number };

/**
 * Stochastic gradient descent with momentum, in PyTorch's form:
 * v ← momentum·v + (g + weightDecay·w); w ← w − learningRate·v. Decay applies to every parameter, batch norm and
 * bias included, as arcface_torch's does.
 */
export class Sgd {
  private readonly velocities = new Map<Parameter, Tensor>();

  constructor(
    private readonly parameters: readonly Parameter[],
    private readonly options: SgdOptions,
  ) {
    const { tf } = loadTensorFlow();
    for (const parameter of parameters) this.velocities.set(parameter, tf.zerosLike(parameter.value));
  }

  /** Updates every parameter from its gradient and frees the gradient. */
  step(learningRate: number): void {
    const { tf, hasKernels } = loadTensorFlow();
    const { momentum, weightDecay } = this.options;
    const scalars = [learningRate, momentum, weightDecay].map((value) => tf.scalar(value));
    for (const parameter of this.parameters) {
      const { gradient, value } = parameter;
      const velocity = this.velocities.get(parameter);
      if (gradient === null || velocity === undefined) {
        throw new Error(`${parameter.name} has no gradient: expected a backward pass before each update`);
      }
      const [nextValue, nextVelocity] = hasKernels
        ? (runOp('ArcqueueSgdMomentum', {}, [value, velocity, gradient, ...scalars], 2) as [Tensor, Tensor])
        : composedSgd({ value, velocity, gradient }, learningRate, this.options);
      for (const old of [value, velocity, gradient]) old.dispose();
      parameter.value = nextValue;
      parameter.gradient = null;
      this.velocities.set(parameter, nextVelocity);
    }
    for (const scalar of scalars) scalar.dispose();
  }

  dispose(): void {
    for (const velocity of this.velocities.values()) velocity.dispose();
    this.velocities.clear();
  }
}

/** Twin of the kernel, of tfjs operations: [next value, next velocity]. */
export function composedSgd(
  state: { readonly value: Tensor; readonly velocity: Tensor; readonly gradient: Tensor },
  learningRate: number,
  { momentum, weightDecay }: SgdOptions,
): [Tensor, Tensor] {
  const { tf } = loadTensorFlow();
  const { value, velocity, gradient } = state;
  return tf.tidy(() => {
    const decayed = tf.add(gradient, tf.mul(value, weightDecay));
    const next = tf.add(tf.mul(velocity, momentum), decayed);
    return [tf.sub(value, tf.mul(next, learningRate)), next] as [Tensor, Tensor];
  });
}
