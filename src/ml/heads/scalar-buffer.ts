import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { NetworkBuffer } from '../layers/layer.js';

/** A buffer of one number, float32. */
export function scalarBuffer(name: string, value: number): NetworkBuffer {
  return { name, value: loadTensorFlow().tf.scalar(value) };
}

export function readScalar({ value }: NetworkBuffer): number {
  return value.dataSync()[0] ?? Number.NaN;
}

export function writeScalar(buffer: NetworkBuffer, value: number): void {
  buffer.value.dispose();
  buffer.value = loadTensorFlow().tf.scalar(value);
}

/** Moves the buffer by `share` of the way to `value`. Not on NaN or infinity: one bad batch must not stay in it for good. */
export function movingAverage(buffer: NetworkBuffer, value: number, share: number): void {
  if (Number.isFinite(value)) writeScalar(buffer, share * value + (1 - share) * readScalar(buffer));
}
