import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { disposeTensors } from '../layers/named-tensors.js';
import { type Network, networkEntries, restoreWeights, takeWeights } from './network-weights.js';
import type { NamedTensors } from './optimizers/optimizer.js';

/**
 * An exponential moving average of all that a network computes with, moving statistics included. The first updates
 * use (1 + n) / (10 + n) where that is smaller than `decay`, as TensorFlow's ExponentialMovingAverage does:
 * otherwise a short run would average the untrained weights.
 */
export class WeightAverage {
  private values: NamedTensors;
  updates = 0;

  constructor(
    private readonly network: Network,
    private readonly decay: number,
  ) {
    this.values = takeWeights(network);
  }

  /** Takes the network's present weights in. */
  update(): void {
    const { tf } = loadTensorFlow();
    this.updates += 1;
    const decay = Math.min(this.decay, (1 + this.updates) / (10 + this.updates));
    for (const { name, value } of networkEntries(this.network)) {
      const before = this.values.get(name) as Tensor;
      this.values.set(
        name,
        tf.tidy(() => tf.add(before, tf.mul(tf.sub(value, before), 1 - decay))),
      );
      before.dispose();
    }
  }

  /** Runs `use` while the network has the averaged weights. */
  async during<T>(use: () => Promise<T>): Promise<T> {
    const own = takeWeights(this.network);
    restoreWeights(this.network, this.values);
    try {
      return await use();
    } finally {
      restoreWeights(this.network, own);
      disposeTensors(own);
    }
  }

  /** References to the averages, the caller's to dispose. */
  state(): NamedTensors {
    return new Map([...this.values].map(([name, tensor]) => [name, tensor.clone()]));
  }

  /** Goes on from averages, which stay the caller's. */
  restore(values: NamedTensors, updates: number): void {
    disposeTensors(this.values);
    this.values = new Map([...values].map(([name, tensor]) => [name, tensor.clone()]));
    this.updates = updates;
  }

  dispose(): void {
    disposeTensors(this.values);
  }
}
