import type { DataType, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { NamedTensors } from '../training/optimizers/optimizer.js';
import type { TrainingState } from '../training/training-state.js';
import type { StoredTensor } from './checkpoint-format.js';

/** All of a state but the tensors' values. */
export type StoredState = Omit<TrainingState, 'tensors'> & { readonly tensors: readonly StoredTensor[] };

const BYTES_PER_VALUE = 4;

/** Where each tensor goes, and the bytes of them all. References to the same tensor share a place. */
export function layOut(tensors: NamedTensors): { stored: StoredTensor[]; bytes: number } {
  const places = new Map<object, number>();
  let bytes = 0;
  const stored = [...tensors].map(([name, tensor]) => {
    const place = places.get(tensor.dataId) ?? bytes;
    if (place === bytes) {
      places.set(tensor.dataId, bytes);
      bytes += tensor.size * BYTES_PER_VALUE;
    }
    return { name, dtype: toStoredType(tensor), shape: [...tensor.shape], offset: place };
  });
  return { stored, bytes };
}

/** Copies the values into `memory`, at the places of `layOut`. */
export function copyValues(
  tensors: NamedTensors,
  stored: readonly StoredTensor[],
  memory: ArrayBufferLike,
): void {
  let end = 0;
  for (const { name, dtype, offset } of stored) {
    // Places are given out in this order, so that an earlier one has been filled already.
    if (offset < end) continue;
    const values = (tensors.get(name) as Tensor).dataSync();
    viewOf(dtype, memory, offset, values.length).set(values);
    end = offset + values.length * BYTES_PER_VALUE;
  }
}

/** The state back from what was stored; the caller's to dispose. `bytes` must begin at a multiple of 4. */
export function toState({ tensors: stored, ...plain }: StoredState, bytes: Uint8Array): TrainingState {
  const { tf } = loadTensorFlow();
  const tensors: NamedTensors = new Map();
  for (const { name, dtype, shape, offset } of stored) {
    const count = shape.reduce((product, side) => product * side, 1);
    // A copy: tfjs keeps the array that it is given.
    const values = viewOf(dtype, bytes.buffer, bytes.byteOffset + offset, count).slice();
    tensors.set(name, tf.tensor(values, [...shape], dtype as DataType));
  }
  return { ...plain, tensors };
}

function toStoredType({ dtype }: Tensor): StoredTensor['dtype'] {
  if (dtype === 'float32' || dtype === 'int32') return dtype;
  throw new Error(`expected tensors of float32 or int32 in a state; found ${dtype}`);
}

function viewOf(
  dtype: StoredTensor['dtype'],
  memory: ArrayBufferLike,
  offset: number,
  count: number,
): Int32Array | Float32Array {
  return dtype === 'int32' ? new Int32Array(memory, offset, count) : new Float32Array(memory, offset, count);
}
