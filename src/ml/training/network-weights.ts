import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { Head } from '../heads/head.js';
import { MlError } from '../ml-error.js';
import type { NamedTensors } from './optimizers/optimizer.js';

export type Network = { readonly backbone: Backbone; readonly head: Head };
type Entry = { readonly name: string; value: Tensor };

/** All that a network computes with: weights, centres, moving statistics and the loss's own running means. */
export function networkEntries({ backbone, head }: Network): Entry[] {
  return [...backbone.parameters, ...backbone.buffers, ...head.parameters, ...head.buffers];
}

/** References to a network's tensors; updates replace these rather than write into them. The caller disposes them. */
export function takeWeights(network: Network): NamedTensors {
  return new Map(networkEntries(network).map(({ name, value }) => [name, value.clone()]));
}

/** Puts weights into a network. They stay the caller's. @throws MlError `weights_mismatch`, before any is put */
export function restoreWeights(network: Network, weights: NamedTensors): void {
  const entries = networkEntries(network);
  for (const { name, value } of entries) {
    const found = weights.get(name);
    if (found?.shape.join() === value.shape.join()) continue;
    const foundShape = found === undefined ? 'nothing' : `[${found.shape}]`;
    throw new MlError('weights_mismatch', 'data', `Expected ${name} [${value.shape}]; found ${foundShape}.`);
  }
  for (const entry of entries) {
    entry.value.dispose();
    entry.value = (weights.get(entry.name) as Tensor).clone();
  }
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

export function disposeTensors(tensors: NamedTensors): void {
  for (const tensor of tensors.values()) tensor.dispose();
  tensors.clear();
}
