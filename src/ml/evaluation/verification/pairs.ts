import type { ImageEntry } from '../../data/image-entry.js';
import { MlError } from '../../ml-error.js';

/** Pairs of images, by index into `images`, each of which is embedded once. */
export type PairSet = {
  readonly images: readonly ImageEntry[];
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  /** 1 where both show the same identity. */
  readonly genuine: Uint8Array;
};

/** The most pairs that one evaluation takes. */
export const MAX_PAIRS = 5_000_000;

/** Collects pairs of images, each image once. */
export class PairBuilder {
  private readonly images: ImageEntry[] = [];
  private readonly indices = new Map<string, number>();
  private readonly left: number[] = [];
  private readonly right: number[] = [];
  private readonly genuine: number[] = [];

  /** @throws MlError `too_many_pairs` */
  add(left: ImageEntry, right: ImageEntry, isGenuine: boolean): void {
    if (this.genuine.length === MAX_PAIRS) {
      throw new MlError('too_many_pairs', 'data', `Expected at most ${MAX_PAIRS} pairs; found more.`);
    }
    this.left.push(this.indexOf(left));
    this.right.push(this.indexOf(right));
    this.genuine.push(isGenuine ? 1 : 0);
  }

  /** @throws MlError `no_pairs` */
  build(): PairSet {
    if (this.genuine.length === 0)
      throw new MlError('no_pairs', 'data', 'Expected at least one pair; found none.');
    return {
      images: this.images,
      left: Uint32Array.from(this.left),
      right: Uint32Array.from(this.right),
      genuine: Uint8Array.from(this.genuine),
    };
  }

  private indexOf(image: ImageEntry): number {
    const known = this.indices.get(image.relativePath);
    if (known !== undefined) return known;
    this.images.push(image);
    this.indices.set(image.relativePath, this.images.length - 1);
    return this.images.length - 1;
  }
}
