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

  it('writes into the buffer itself when no other tensor shares it', () => {
    const x = matrix();
    // TensorFlow's Identity gives the same buffer, which tfjs does not count: a way to see what is written there.
    const window = runSingleOp('Identity', { T: { dtype: 'float32' } }, [x]);
    const [updated] = updateRows([x], rows, ([old]) => [tf.neg(old ?? 0)]);
    expect([...window.dataSync()]).toEqual([-1, -2, 3, 4, -5, -6]);
    tf.dispose([window, updated ?? []]);
  });

  it('leaves a snapshot of the tensor as it was', () => {
    const x = matrix();
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
