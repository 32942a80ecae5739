import type { AugmentationSettings } from './augmentation/augmentation-settings.js';
import type { ImageSource } from './image-entry.js';

/** An image, as a thread is told of it. */
export type ThreadSource = Pick<ImageSource, 'path' | 'range' | 'region'> & {
  /** Where the cache holds it decoded: an open file, [rows, size, size, 3]. */
  readonly cached: { readonly fd: number; readonly row: number } | null;
};

/** Random changes of a batch's images. */
export type BatchAugmentation = {
  readonly settings: AugmentationSettings;
  /** One for each image. */
  readonly seeds: readonly number[];
};

/** What the pool asks of a decoding thread. */
export type DecodeRequest =
  | {
      readonly type: 'decode';
      readonly id: number;
      readonly sources: readonly ThreadSource[];
      readonly flips: readonly boolean[];
      /** Its seeds are those of `sources`. */
      readonly augmentation: BatchAugmentation | null;
      /** Index in the batch of the first source. */
      readonly offset: number;
      /** float32 [batch, imageSize, imageSize, 3], shared by all threads of a batch. */
      readonly buffer: SharedArrayBuffer;
      readonly imageSize: number;
    }
  | {
      /** `hash` reads the files and leaves their images undecoded. */
      readonly type: 'inspect' | 'hash';
      readonly id: number;
      readonly sources: readonly ThreadSource[];
      readonly imageSize: number;
      /** Existing file that the decoded images are written into, the first of them as `firstRow`; null for none. */
      readonly target: { readonly path: string; readonly firstRow: number } | null;
    };

/** An image of a batch that could not be decoded; its pixels are left at 0. */
export type DecodeFailure = { readonly index: number; readonly reason: string };

/** What decoding an image once tells beside its pixels. */
export type ImageFacts = {
  /** Of the whole image as it is shown, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Whether no pixel of what is used has a colour. */
  readonly isGrey: boolean;
};

/**
 * One look at an image: the SHA-256 of its encoded bytes (empty if they cannot be read), and what it is or why it cannot be
 * decoded; both are null where it was only hashed.
 */
export type Inspection = {
  readonly sha256: string;
  readonly error: string | null;
  readonly facts: ImageFacts | null;
};

export type DecodeReply = {
  readonly id: number;
  readonly failed: readonly DecodeFailure[];
  readonly inspected: readonly Inspection[];
  /** Why decoded images could not be written; null when they were. */
  readonly cacheError: string | null;
};
