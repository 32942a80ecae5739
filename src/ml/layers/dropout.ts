import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Layer, type NamedRandom, takeKept } from './layer.js';

/**
 * Inverted dropout, as PyTorch's: in training each value becomes 0 with probability `rate` and is divided by
 * 1 − rate otherwise; at inference nothing changes. x of any shape → the same shape.
 *
 * The mask comes from the layer's own seeded generator, one number a value, so a run repeats exactly, on every
 * device, and goes on exactly from the generator's stored state.
 */
export class Dropout implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  private kept: Tensor | null = null;

  constructor(
    readonly name: string,
    private readonly rate: number,
    private readonly random: Random,
  ) {}

  get randoms(): readonly NamedRandom[] {
    return [{ name: `${this.name}/random`, random: this.random }];
  }

  forward(x: Tensor, training: boolean): Tensor {
    if (!training) return x;
    const { tf } = loadTensorFlow();
    const { random, rate } = this;
    const factors = new Float32Array(x.size);
    const keptFactor = 1 / (1 - rate);
    for (let i = 0; i < factors.length; i += 1) factors[i] = random.next() < rate ? 0 : keptFactor;
    this.kept = tf.tensor(factors, x.shape, 'float32');
    const y = tf.mul(x, this.kept);
    x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const factors = takeKept(this.kept, this.name);
    this.kept = null;
    const dx = loadTensorFlow().tf.mul(dy, factors);
    factors.dispose();
    dy.dispose();
    return dx;
  }

  /** Nothing: an exported network infers only. */
  toLayersModel(x: SymbolicTensor): SymbolicTensor {
    return x;
  }
}
