import type { Backbone } from '../backbones/backbone.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { Head } from '../heads/head.js';
import { type NamedTensor, restoreTensors, takeTensors } from '../layers/named-tensors.js';
import type { NamedTensors } from './optimizers/optimizer.js';

export type Network = { readonly backbone: Backbone; readonly head: Head };

/** All that a network computes with: weights, centres, moving statistics and the loss's own running means. */
export function networkEntries({ backbone, head }: Network): NamedTensor[] {
  return [...backbone.parameters, ...backbone.buffers, ...head.parameters, ...head.buffers];
}

/** References to a network's tensors, the caller's to dispose. */
export function takeWeights(network: Network): NamedTensors {
  return takeTensors(networkEntries(network));
}

/** Puts weights into a network. They stay the caller's. @throws MlError `weights_mismatch`, before any is put */
export function restoreWeights(network: Network, weights: NamedTensors): void {
  restoreTensors(networkEntries(network), weights);
}

/** Whether no value of a network is NaN or infinite. */
export function hasFiniteWeights(network: Network): boolean {
  const { tf } = loadTensorFlow();
  return networkEntries(network).every(({ value }) => {
    const finite = tf.tidy(() => tf.all(tf.isFinite(value)));
    const [found] = finite.dataSync();
    finite.dispose();
    return Boolean(found);
  });
}
