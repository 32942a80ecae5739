import type { IgnoredFile } from '../class-folder.js';
import type { ImageEntry } from '../image-entry.js';

export const DATASET_FORMS = ['folders', 'manifest', 'recordio', 'tar'] as const;
export type DatasetForm = (typeof DATASET_FORMS)[number];

/** A dataset as any reader lists it; no image has been opened. */
export type Dataset = {
  readonly form: DatasetForm;
  /** In an order that depends on the dataset alone, so that a class has the same index on every machine. */
  readonly classNames: readonly string[];
  readonly images: readonly ImageEntry[];
  /** What is no image of it, each with the reason. */
  readonly ignored: readonly IgnoredFile[];
};
