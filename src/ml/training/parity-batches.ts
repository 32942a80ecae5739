import type { Backbone } from '../backbones/backbone.js';
import { planInOrder, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { embedByBackbone } from '../evaluation/embed-function.js';
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
  const embed = embedByBackbone(backbone);
  const step = Math.max(1, Math.floor(images.length / PARITY_IMAGES));
  const chosen = images.filter((_, index) => index % step === 0).slice(0, PARITY_IMAGES);
  const batches: ParityBatch[] = [];
  for await (const { pixels, count } of prefetch(pool, planInOrder(chosen, BATCH_SIZE), PREFETCH_DEPTH)) {
    batches.push({ pixels: pixels.slice(), count, embeddings: await embed(pixels, count) });
  }
  return batches;
}
