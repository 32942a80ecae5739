import { planInOrder, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { MlError } from '../ml-error.js';
import { PREFETCH_DEPTH } from '../training/validate.js';
import type { EmbedFunction } from './embed-function.js';

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
  embed: EmbedFunction,
  images: readonly ImageEntry[],
  { pool, batchSize, flipTest, signal, onBatch }: EmbedOptions,
): Promise<EmbeddingTable> {
  let values = new Float32Array();
  let size = 0;
  let done = 0;
  for await (const { pixels, count } of prefetch(pool, planInOrder(images, batchSize), PREFETCH_DEPTH)) {
    signal?.throwIfAborted();
    const computed = await embed(pixels, count);
    if (flipTest) addInPlace(computed, await embed(toMirrored(pixels, count), count));
    if (done === 0) {
      size = computed.length / count;
      values = new Float32Array(images.length * size);
    }
    normaliseRows(computed, size);
    values.set(computed, done * size);
    done += count;
    onBatch?.(count);
  }
  return { values, size, count: images.length };
}

function addInPlace(sum: Float32Array, other: Float32Array): void {
  for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] as number) + (other[i] as number);
}

/** [n, h, w, 3] of square images, each row turned left to right. */
export function toMirrored(pixels: Float32Array, count: number): Float32Array {
  const side = Math.round(Math.sqrt(pixels.length / count / 3));
  const mirrored = new Float32Array(pixels.length);
  for (let row = 0; row < pixels.length; row += 3 * side) {
    for (let x = 0; x < side; x += 1) {
      const from = row + 3 * (side - 1 - x);
      mirrored.set(pixels.subarray(from, from + 3), row + 3 * x);
    }
  }
  return mirrored;
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
