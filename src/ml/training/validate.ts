import type { Backbone } from '../backbones/backbone.js';
import { planInOrder, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { Head } from '../heads/head.js';

/** Batches that are decoded ahead of the one being computed. */
export const PREFETCH_DEPTH = 3;

export type Validation = { readonly loss: number; readonly accuracy: number };

/**
 * Mean cross entropy and accuracy over images, from the logits without margin and with moving statistics.
 * @throws the signal's reason between two batches
 */
export async function validate(
  network: { readonly backbone: Backbone; readonly head: Head },
  images: readonly ImageEntry[],
  { pool, batchSize, signal }: { pool: DecodePool; batchSize: number; signal?: AbortSignal | undefined },
): Promise<Validation> {
  let loss = 0;
  let correct = 0;
  for await (const { logits, labels } of predict(network, images, { pool, batchSize, signal })) {
    const classes = logits.length / labels.length;
    labels.forEach((label, row) => {
      const values = logits.subarray(row * classes, (row + 1) * classes);
      const imageLoss = crossEntropy(values, label);
      loss += imageLoss;
      // Among logits of which one is NaN, none is the largest: such an image is not right, whatever argMax says.
      if (Number.isFinite(imageLoss) && argMax(values) === label) correct += 1;
    });
  }
  return { loss: loss / images.length, accuracy: correct / images.length };
}

/** Logits without margin of images, in order, a batch at a time: [n, classes] row by row. */
export async function* predict(
  { backbone, head }: { readonly backbone: Backbone; readonly head: Head },
  images: readonly ImageEntry[],
  { pool, batchSize, signal }: { pool: DecodePool; batchSize: number; signal?: AbortSignal | undefined },
): AsyncGenerator<{ logits: Float32Array; labels: Int32Array }> {
  const { tf } = loadTensorFlow();
  const { imageSize } = backbone;
  for await (const batch of prefetch(pool, planInOrder(images, batchSize), PREFETCH_DEPTH)) {
    signal?.throwIfAborted();
    const pixels = tf.tensor4d(batch.pixels, [batch.count, imageSize, imageSize, 3]);
    const embeddings = backbone.forward(pixels, false);
    const logits = head.logits(embeddings);
    embeddings.dispose();
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    yield { logits: values, labels: batch.labels };
  }
}

function crossEntropy(logits: Float32Array, label: number): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((total, value) => total + Math.exp(value - largest), 0);
  return Math.log(sum) + largest - (logits[label] ?? Number.NaN);
}

function argMax(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? Number.NaN) ? index : best), 0);
}
