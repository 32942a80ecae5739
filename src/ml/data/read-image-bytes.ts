import { type FileHandle, open } from 'node:fs/promises';
import type { ByteRange, ImageSource } from './image-entry.js';

/** The largest image file that is read; beyond it a file is taken for no image, before memory is taken for it. */
export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;

/**
 * The encoded bytes of an image, out of its own file or out of a container.
 * @throws Error for a file that cannot be read, that is larger than `MAX_IMAGE_BYTES`, or a container that ends earlier
 */
export async function readImageBytes({ path, range }: Pick<ImageSource, 'path' | 'range'>): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    assertReadable(range?.length ?? (await file.stat()).size);
    return range === undefined ? await file.readFile() : await readRange(file, range);
  } finally {
    await file.close();
  }
}

async function readRange(file: FileHandle, { offset, length }: ByteRange): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  if (bytesRead === length) return bytes;
  throw new Error(
    `expected ${length} bytes of the image at ${offset}; found ${bytesRead} before the file's end`,
  );
}

function assertReadable(length: number): void {
  if (length <= MAX_IMAGE_BYTES) return;
  throw new Error(`expected an image of at most ${MAX_IMAGE_BYTES} bytes; found ${length}`);
}
