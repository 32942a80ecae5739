import { assertTrainable } from '../data/class-folder.js';
import { hashDataset } from '../data/dataset-hash.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { inspectImages } from '../data/inspect-images.js';
import { openDataset } from '../data/readers/open-dataset.js';
import type { RunHooks } from './training-hooks.js';

export type SkippedImage = { readonly path: string; readonly reason: string };

/** A dataset whose every image has been decoded once. */
export type PreparedDataset = {
  readonly classNames: readonly string[];
  readonly images: readonly ImageEntry[];
  /** SHA-256 over the readable images' names and bytes. */
  readonly hash: string;
  /** Unreadable images and other files, each with the reason; paths relative to the dataset. */
  readonly skipped: readonly SkippedImage[];
};

/**
 * Scans a dataset and decodes each image once, so that a broken file is known before hours of training, not
 * after them. Unreadable images are skipped and listed.
 * @throws MlError when the folder holds no classes, or the signal's reason
 */
export async function prepareDataset(
  dir: string,
  pool: DecodePool,
  hooks: RunHooks,
): Promise<PreparedDataset> {
  const folder = await openDataset(dir, { signal: hooks.signal });
  hooks.onLog?.('info', `found ${folder.images.length} images of ${folder.classNames.length} classes`);
  hooks.signal?.throwIfAborted();
  const { inspected, cache } = await inspectImages(folder.images, pool, {
    onProgress: () => hooks.signal?.throwIfAborted(),
    onLog: hooks.onLog,
  });
  const images: ImageEntry[] = [];
  const hashes: string[] = [];
  const skipped: SkippedImage[] = [...folder.ignored];
  folder.images.forEach((image, index) => {
    const outcome = inspected[index];
    if (outcome === undefined) return;
    if (outcome.error !== null) {
      skipped.push({ path: image.relativePath, reason: outcome.error });
      return;
    }
    images.push(cache === null ? image : { ...image, cached: { cache, row: index } });
    hashes.push(outcome.sha256);
  });
  for (const { path, reason } of skipped) hooks.onLog?.('warn', `skipped ${path}: ${reason}`);
  return {
    classNames: folder.classNames,
    images,
    hash: hashDataset(images, hashes, folder.classNames),
    skipped,
  };
}

/** As `prepareDataset`, and able to be trained on. @throws MlError naming what was expected and what was found */
export async function prepareTrainingDataset(
  dir: string,
  pool: DecodePool,
  expected: { readonly classCount?: number | undefined; readonly batchSize: number },
  hooks: RunHooks,
): Promise<PreparedDataset> {
  const prepared = await prepareDataset(dir, pool, hooks);
  assertTrainable(prepared, expected);
  return prepared;
}
