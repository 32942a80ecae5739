import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { MlError } from '../ml-error.js';

/** What has a name and a tensor that can be replaced: a parameter or a buffer. */
export type NamedTensor = { readonly name: string; value: Tensor };

/** References to the tensors; updates replace these rather than write into them. The caller disposes them. */
export function takeTensors(entries: readonly NamedTensor[]): Map<string, Tensor> {
  return new Map(entries.map(({ name, value }) => [name, value.clone()]));
}

/**
 * Replaces each tensor by that of its name. `values` stay the caller's.
 * @throws MlError `weights_mismatch` naming the first that is missing or has another shape, before any is replaced
 */
export function restoreTensors(entries: readonly NamedTensor[], values: ReadonlyMap<string, Tensor>): void {
  for (const { name, value } of entries) {
    const found = values.get(name);
    if (found?.shape.join() === value.shape.join()) continue;
    const foundShape = found === undefined ? 'nothing' : `[${found.shape}]`;
    throw new MlError('weights_mismatch', 'data', `Expected ${name} [${value.shape}]; found ${foundShape}.`);
  }
  for (const entry of entries) {
    entry.value.dispose();
    entry.value = (values.get(entry.name) as Tensor).clone();
  }
}

export function disposeTensors(tensors: Map<string, Tensor>): void {
  for (const tensor of tensors.values()) tensor.dispose();
  tensors.clear();
}
