import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import { type PlannedBatch, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { MlError } from '../ml-error.js';
import { PREFETCH_DEPTH } from '../training/validate.js';

/** Unit embeddings of images, [count, size] row by row. */
export type EmbeddingTable = {
  readonly values: Float32Array;
  readonly size: number;
  readonly count: number;
};

export type EmbedOptions = {
  readonly pool: DecodePool;
  readonly batchSize: number;
  /** Adds the raw embedding of the mirrored image before the length is set to 1, as InsightFace and IJB do. */
  readonly flipTest: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onBatch?: (images: number) => void;
};

/**
 * Embeds each image once, a batch at a time; only the embeddings stay in memory. An embedding of zeros stays one.
 * @throws MlError `embedding_not_finite`, `image_unreadable`; the signal's reason between two batches
 */
export async function embedImages(
  backbone: Backbone,
  images: readonly ImageEntry[],
  { pool, batchSize, flipTest, signal, onBatch }: EmbedOptions,
): Promise<EmbeddingTable> {
  const { tf } = loadTensorFlow();
  const side = backbone.imageSize;
  let values = new Float32Array();
  let size = 0;
  let done = 0;
  for await (const batch of prefetch(pool, planInOrder(images, batchSize), PREFETCH_DEPTH)) {
    signal?.throwIfAborted();
    const pixels = tf.tensor4d(batch.pixels, [batch.count, side, side, 3]);
    const mirrored = flipTest ? pixels.reverse(2) : null;
    const raw = [backbone.forward(pixels, false)];
    if (mirrored !== null) raw.push(backbone.forward(mirrored, false));
    const sum = raw.length === 1 ? (raw[0] as Tensor).clone() : tf.addN(raw);
    for (const tensor of raw) tensor.dispose();
    const computed = (await sum.data()) as Float32Array;
    sum.dispose();
    if (done === 0) {
      size = computed.length / batch.count;
      values = new Float32Array(images.length * size);
    }
    normaliseRows(computed, size);
    values.set(computed, done * size);
    done += batch.count;
    onBatch?.(batch.count);
  }
  return { values, size, count: images.length };
}

/** The number of batches that `embedImages` computes. */
export function countBatches(images: number, batchSize: number): number {
  return Math.ceil(images / batchSize);
}

/** Cosine of two rows: the dot product of unit vectors, in double precision, kept within [−1, 1]. */
export function cosineOf({ values, size }: EmbeddingTable, left: number, right: number): number {
  let sum = 0;
  for (let i = 0; i < size; i += 1)
    sum += (values[left * size + i] as number) * (values[right * size + i] as number);
  return Math.min(1, Math.max(-1, sum));
}

/** Sets each row's length to 1, in place. @throws MlError `embedding_not_finite` */
export function normaliseRows(values: Float32Array, size: number): void {
  for (let start = 0; start < values.length; start += size) {
    let squares = 0;
    for (let i = start; i < start + size; i += 1) squares += (values[i] as number) ** 2;
    if (!Number.isFinite(squares)) {
      throw new MlError(
        'embedding_not_finite',
        'infrastructure',
        'Expected finite embeddings; found NaN or infinity.',
      );
    }
    const factor = squares === 0 ? 0 : 1 / Math.sqrt(squares);
    for (let i = start; i < start + size; i += 1) values[i] = (values[i] as number) * factor;
  }
}

function planInOrder(images: readonly ImageEntry[], batchSize: number): PlannedBatch[] {
  return Array.from({ length: countBatches(images.length, batchSize) }, (_, i) => {
    const members = images.slice(i * batchSize, (i + 1) * batchSize);
    return { images: members, flips: members.map(() => false), augmentation: null };
  });
}
