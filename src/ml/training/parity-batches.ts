import type { Backbone } from '../backbones/backbone.js';
import { planEpoch, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { ParityBatch } from '../export/onnx/onnx-parity.js';
import { PREFETCH_DEPTH } from './validate.js';

/** Images that an export is compared on: enough to meet a wrong layout at once, few enough to cost no time. */
const PARITY_IMAGES = 32;
const BATCH_SIZE = 8;

/** Images, spread over the list, with what the trained network makes of them; an export must make the same. */
export async function parityBatches(
  backbone: Backbone,
  images: readonly ImageEntry[],
  pool: DecodePool,
): Promise<ParityBatch[]> {
  const { tf } = loadTensorFlow();
  const { imageSize } = backbone;
  const step = Math.max(1, Math.floor(images.length / PARITY_IMAGES));
  const chosen = images.filter((_, index) => index % step === 0).slice(0, PARITY_IMAGES);
  const order = { batchSize: BATCH_SIZE, shuffle: false, augmentation: null, dropSingle: false };
  const plan = planEpoch(chosen, { ...order, seed: 0, epoch: 0 });
  const batches: ParityBatch[] = [];
  for await (const { pixels, count } of prefetch(pool, plan, PREFETCH_DEPTH)) {
    const embedded = backbone.forward(tf.tensor4d(pixels, [count, imageSize, imageSize, 3]), false);
    batches.push({ pixels: pixels.slice(), count, embeddings: (await embedded.data()) as Float32Array });
    embedded.dispose();
  }
  return batches;
}
