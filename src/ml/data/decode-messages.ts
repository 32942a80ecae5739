import type { AugmentationSettings } from './augmentation/augmentation-settings.js';
import type { ImageSource } from './image-entry.js';

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
      readonly sources: readonly ImageSource[];
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
      readonly type: 'inspect';
      readonly id: number;
      readonly sources: readonly ImageSource[];
      readonly imageSize: number;
    };

/** An image of a batch that could not be decoded; its pixels are left at 0. */
export type DecodeFailure = { readonly index: number; readonly reason: string };

/** One look at a file: the SHA-256 of its bytes (empty if they cannot be read), and why it cannot be decoded, if so. */
export type Inspection = { readonly sha256: string; readonly error: string | null };

export type DecodeReply = {
  readonly id: number;
  readonly failed: readonly DecodeFailure[];
  readonly inspected: readonly Inspection[];
};
