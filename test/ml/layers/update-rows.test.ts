import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { runSingleOp } from '../../../src/ml/engine/raw-op.js';
import { gatherRows, updateRows } from '../../../src/ml/layers/update-rows.js';

const { tf } = loadTensorFlow();
const rows = tf.tensor1d([0, 2], 'int32');
const matrix = () =>
  tf.tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);

describe('an update of some rows', () => {
  it('changes those rows of every tensor, and leaks nothing', () => {
    const before = tf.memory().numTensors;
    const [x, y] = updateRows([matrix(), tf.tensor1d([1, 2, 3])], rows, ([a, b]) => [
      tf.mul(a ?? 0, 10),
      tf.add(b ?? 0, 0.5),
    ]);
    expect([...(x?.dataSync() ?? [])]).toEqual([10, 20, 3, 4, 50, 60]);
    expect([...(y?.dataSync() ?? [])]).toEqual([1.5, 2, 3.5]);
    tf.dispose([x ?? [], y ?? []]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('writes into the buffer itself from the second time on, when no other tensor shares it', () => {
    const negate = (x: Tensor) => updateRows([x], rows, ([old]) => [tf.neg(old ?? 0)])[0] as Tensor;
    // TensorFlow's Identity gives the same buffer, which tfjs does not count: a way to see what is written there.
    const windowOf = (x: Tensor) => runSingleOp('Identity', { T: { dtype: 'float32' } }, [x]);
    const x = matrix();
    const first = windowOf(x);
    const once = negate(x);
    expect([...first.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
    const second = windowOf(once);
    const twice = negate(once);
    expect([...second.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...twice.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
    const third = negate(twice);
    expect([...second.dataSync()]).toEqual([-1, -2, 3, 4, -5, -6]);
    tf.dispose([first, second, third]);
  });

  it('never writes into the array that a tensor was made of', () => {
    for (let length = 2; length < 40; length += 2) {
      const values = new Float32Array(length).fill(1);
      const [updated] = updateRows(
        [tf.tensor2d(values, [length / 2, 2])],
        tf.tensor1d([0], 'int32'),
        ([old]) => [tf.neg(old ?? 0)],
      );
      expect(values.every((value) => value === 1)).toBe(true);
      updated?.dispose();
    }
  });

  it('leaves a snapshot of the tensor as it was', () => {
    const [x] = updateRows([matrix()], rows, ([old]) => [tf.mul(old ?? 0, 1)]) as [Tensor];
    const snapshot = x.clone();
    const [updated] = updateRows([x], rows, ([old]) => [tf.neg(old ?? 0)]);
    expect([...snapshot.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(updated?.dataSync() ?? [])]).toEqual([-1, -2, 3, 4, -5, -6]);
    tf.dispose([snapshot, updated ?? []]);
  });

  it('gathers rows in the order asked for', () => {
    expect([...gatherRows(matrix(), tf.tensor1d([2, 1], 'int32')).dataSync()]).toEqual([5, 6, 3, 4]);
  });
});
