import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import sharp from 'sharp';
import type { ImageFacts } from './decode-messages.js';
import type { ImageEntry } from './image-entry.js';

// A file of the cache: the images' pixels, uint8 [count, size, size, 3]; then JSON that says what they are; then the JSON's length
// as uint32, little-endian; then the magic. A file that is cut short has no magic at its end.

/** To be raised when `decodeImage` gives other pixels for the same bytes. */
const PREPROCESSING_VERSION = 2;
const MAGIC = 'ARCQPIX1';
const TAIL_BYTES = 4 + MAGIC.length;
export const CACHE_FILE = /^\d+-\d+-[0-9a-f]{64}\.pixels$/;

export type CacheShape = {
  readonly count: number;
  /** Side of the square images, in pixels. */
  readonly imageSize: number;
};

export type CacheFooter = {
  readonly key: string;
  /** Images that cannot be decoded; their rows hold nothing. */
  readonly errors: readonly (readonly [row: number, reason: string])[];
  /** Of each row; null where it holds nothing. */
  readonly facts: readonly (ImageFacts | null)[];
};

export function rowBytesOf(imageSize: number): number {
  return 3 * imageSize ** 2;
}

/** Bytes of all rows. */
export function pixelBytesOf({ count, imageSize }: CacheShape): number {
  return count * rowBytesOf(imageSize);
}

/**
 * What decoded pixels depend on: which image lies in which row, its bytes, the part of it that is used, and the decoder. A changed dataset
 * has another key.
 */
export function cacheKey(
  { imageSize }: CacheShape,
  images: readonly ImageEntry[],
  sha256s: readonly string[],
): string {
  const hash = createHash('sha256');
  const { sharp: decoder, vips } = sharp.versions;
  hash.update(JSON.stringify([PREPROCESSING_VERSION, decoder, vips, imageSize]));
  for (const [row, { relativePath, region }] of images.entries()) {
    hash.update(`\n${JSON.stringify([relativePath, sha256s[row], region ?? null])}`);
  }
  return hash.digest('hex');
}

/** Size and count come first, so that a dataset with no file of its shape needs no hash to know that it has none. */
export function cacheFileName({ imageSize, count }: CacheShape, key: string): string {
  return `${imageSize}-${count}-${key}.pixels`;
}

export function isOfShape(fileName: string, { imageSize, count }: CacheShape): boolean {
  return CACHE_FILE.test(fileName) && fileName.startsWith(`${imageSize}-${count}-`);
}

export async function writeFooter(handle: FileHandle, shape: CacheShape, footer: CacheFooter): Promise<void> {
  const json = Buffer.from(JSON.stringify(footer));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const bytes = Buffer.concat([json, length, Buffer.from(MAGIC, 'latin1')]);
  const { bytesWritten } = await handle.write(bytes, 0, bytes.length, pixelBytesOf(shape));
  if (bytesWritten !== bytes.length) throw new Error(`wrote ${bytesWritten} of ${bytes.length} bytes`);
}

/** @returns null for a file that is not whole, or not of this shape */
export async function readFooter(handle: FileHandle, shape: CacheShape): Promise<CacheFooter | null> {
  const { size } = await handle.stat();
  const start = pixelBytesOf(shape);
  const length = size - start;
  if (length < TAIL_BYTES) return null;
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, start);
  const jsonLength = length - TAIL_BYTES;
  const isWhole =
    bytesRead === length &&
    bytes.toString('latin1', jsonLength + 4) === MAGIC &&
    bytes.readUInt32LE(jsonLength) === jsonLength;
  return isWhole ? (JSON.parse(bytes.toString('utf8', 0, jsonLength)) as CacheFooter) : null;
}
