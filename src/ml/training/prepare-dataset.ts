import { assertTrainable } from '../data/class-folder.js';
import { hashDataset } from '../data/dataset-hash.js';
import type { ImageFacts } from '../data/decode-messages.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { inspectImages } from '../data/inspect-images.js';
import type { DatasetForm } from '../data/readers/dataset.js';
import { openDataset } from '../data/readers/open-dataset.js';
import type { RunHooks } from './training-hooks.js';

export type SkippedImage = { readonly path: string; readonly reason: string };

/** A dataset whose every image has been decoded once. */
export type PreparedDataset = {
  readonly form: DatasetForm;
  readonly classNames: readonly string[];
  readonly images: readonly ImageEntry[];
  /** Of each image, in the images' order. */
  readonly facts: readonly ImageFacts[];
  /** Of each image's encoded bytes, in the images' order. */
  readonly sha256s: readonly string[];
  /** SHA-256 over the readable images' names and bytes. */
  readonly hash: string;
  /** Unreadable images and other files, each with the reason; paths relative to the dataset. */
  readonly skipped: readonly SkippedImage[];
};

type Inspected = (done: number, total: number) => void;

/**
 * Lists a dataset and decodes each image once, so that a broken file is known before hours of training, not
 * after them. Unreadable images are skipped and listed.
 * @param path of a dataset of any form
 * @param onInspected called now and then with the number of images done
 * @throws MlError for a dataset that cannot be read, or the signal's reason
 */
export async function prepareDataset(
  path: string,
  pool: DecodePool,
  hooks: RunHooks,
  onInspected?: Inspected,
): Promise<PreparedDataset> {
  const { form, classNames, images: listed, ignored } = await openDataset(path, { signal: hooks.signal });
  hooks.onLog?.('info', `found ${listed.length} images of ${classNames.length} classes`);
  hooks.signal?.throwIfAborted();
  const { inspected, cache } = await inspectImages(listed, pool, {
    onProgress: (done) => {
      hooks.signal?.throwIfAborted();
      onInspected?.(done, listed.length);
    },
    onLog: hooks.onLog,
  });
  const images: ImageEntry[] = [];
  const facts: ImageFacts[] = [];
  const sha256s: string[] = [];
  const skipped: SkippedImage[] = [...ignored];
  listed.forEach((image, index) => {
    const outcome = inspected[index];
    if (outcome === undefined) return;
    if (outcome.facts === null) {
      skipped.push({ path: image.relativePath, reason: outcome.error ?? 'never decoded' });
      return;
    }
    images.push(cache === null ? image : { ...image, cached: { cache, row: index } });
    facts.push(outcome.facts);
    sha256s.push(outcome.sha256);
  });
  for (const { path: name, reason } of skipped) hooks.onLog?.('warn', `skipped ${name}: ${reason}`);
  const hash = hashDataset(images, sha256s, classNames);
  return { form, classNames, images, facts, sha256s, hash, skipped };
}

/** As `prepareDataset`, and able to be trained on. @throws MlError naming what was expected and what was found */
export async function prepareTrainingDataset(
  path: string,
  pool: DecodePool,
  expected: { readonly classCount?: number | undefined; readonly batchSize: number },
  hooks: RunHooks,
): Promise<PreparedDataset> {
  const prepared = await prepareDataset(path, pool, hooks);
  assertTrainable(prepared, expected);
  return prepared;
}
