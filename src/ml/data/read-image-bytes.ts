import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ByteRange, ImageSource } from './image-entry.js';

/** The largest image file that is read; beyond it a file is taken for no image, before memory is taken for it. */
export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;

/**
 * The encoded bytes of an image, out of its own file or out of a container. A regular file is read at once, without leaving the thread: for
 * files of a few kilobytes the way over Node's thread pool costs twenty times the reading, and half as much as the decoding.
 * @throws Error for a file that cannot be read, that is larger than `MAX_IMAGE_BYTES`, or a container that ends earlier
 */
export async function readImageBytes({ path, range }: Pick<ImageSource, 'path' | 'range'>): Promise<Buffer> {
  // Opening a pipe would hold the thread until somebody writes.
  if (!statSync(path).isFile()) return readFile(path);
  const fd = openSync(path, 'r');
  try {
    if (range !== undefined) return readRange(fd, range);
    assertReadable(fstatSync(fd).size);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readRange(fd: number, { offset, length }: ByteRange): Buffer {
  assertReadable(length);
  const bytes = Buffer.allocUnsafe(length);
  const bytesRead = readSync(fd, bytes, 0, length, offset);
  if (bytesRead === length) return bytes;
  throw new Error(
    `expected ${length} bytes of the image at ${offset}; found ${bytesRead} before the file's end`,
  );
}

function assertReadable(length: number): void {
  if (length <= MAX_IMAGE_BYTES) return;
  throw new Error(`expected an image of at most ${MAX_IMAGE_BYTES} bytes; found ${length}`);
}
