import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runSingleOp } from '../engine/raw-op.js';

/** The part of tfjs-node's backend that counts the tensors which share one buffer; its typings leave it out. */
type CountingBackend = { refCount(dataId: object): number };

/**
 * Buffers that an earlier update has made. Others may be somebody else's memory: a tensor made of a JavaScript array
 * uses the array itself when that happens to be aligned.
 */
const ownBuffers = new WeakSet<object>();

/**
 * Updates some rows of tensors of equal row count in place, so that the cost follows the rows and not the tensor. The
 * first update of a tensor, and one whose buffer another tensor shares (a snapshot's clone), copies it first: nobody
 * else sees the change.
 * @param tensors each [n, …]; consumed
 * @param rows [k], int32, none twice; stays the caller's
 * @param update new rows from old ones, each [k, …]; frees nothing it is given, and its results are freed here
 * @returns the updated tensors, in the order of `tensors`; the caller's
 */
export function updateRows(
  tensors: readonly Tensor[],
  rows: Tensor1D,
  update: (old: readonly Tensor[]) => readonly Tensor[],
): Tensor[] {
  const old = tensors.map((tensor) => gatherRows(tensor, rows));
  const next = update(old);
  const updated = tensors.map((tensor, index) => {
    const values = next[index];
    if (values === undefined) throw new Error(`expected ${tensors.length} updates; found ${next.length}`);
    return writeRows(tensor, rows, values);
  });
  for (const tensor of [...old, ...next]) tensor.dispose();
  return updated;
}

/** Rows of x [n, …] as a new tensor [k, …]; the inputs stay the caller's. */
export function gatherRows(x: Tensor, rows: Tensor1D): Tensor {
  const { tf } = loadTensorFlow();
  const axis = tf.scalar(0, 'int32');
  // tfjs's own gather checks every index in JavaScript, which takes longer than the gathering.
  const types = {
    Tparams: { dtype: 'float32' },
    Tindices: { dtype: 'int32' },
    Taxis: { dtype: 'int32' },
  } as const;
  const gathered = runSingleOp('GatherV2', { ...types, batch_dims: { int: 0 } }, [x, rows, axis]);
  axis.dispose();
  return gathered;
}

/** Overwrites rows of x [n, …] with values [k, …]; consumes x. */
function writeRows(x: Tensor, rows: Tensor1D, values: Tensor): Tensor {
  const own = mayBeWritten(x) ? x : copyOf(x);
  const written = runSingleOp('InplaceUpdate', { T: { dtype: 'float32' } }, [own, rows, values]);
  if (own !== x) own.dispose();
  x.dispose();
  ownBuffers.add(written.dataId);
  return written;
}

function mayBeWritten(x: Tensor): boolean {
  const backend = loadTensorFlow().tf.backend() as unknown as CountingBackend;
  return ownBuffers.has(x.dataId) && backend.refCount(x.dataId) === 1;
}

function copyOf(x: Tensor): Tensor {
  return runSingleOp('DeepCopy', { T: { dtype: 'float32' } }, [x]);
}
