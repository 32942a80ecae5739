import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_IMAGE_BYTES, readImageBytes } from '../../../src/ml/data/read-image-bytes.js';
import { folderOf } from './image-files.js';

describe('readImageBytes', () => {
  it('reads a file, and a range of a container', async () => {
    const path = join(await folderOf({ file: 'abcdefgh' }), 'file');
    expect((await readImageBytes({ path })).toString()).toBe('abcdefgh');
    expect((await readImageBytes({ path, range: { offset: 2, length: 3 } })).toString()).toBe('cde');
    expect((await readImageBytes({ path, range: { offset: 8, length: 0 } })).toString()).toBe('');
  });

  it('refuses a range that the container does not hold', async () => {
    const path = join(await folderOf({ file: 'abcdefgh' }), 'file');
    await expect(readImageBytes({ path, range: { offset: 6, length: 3 } })).rejects.toThrow(
      "expected 3 bytes of the image at 6; found 2 before the file's end",
    );
  });

  it('refuses what is too large before it takes memory for it', async () => {
    const path = join(await folderOf({ file: '' }), 'file');
    const message = `expected an image of at most ${MAX_IMAGE_BYTES} bytes; found ${MAX_IMAGE_BYTES + 1}`;
    await expect(readImageBytes({ path, range: { offset: 0, length: MAX_IMAGE_BYTES + 1 } })).rejects.toThrow(
      message,
    );
    // A file with a hole: it takes no room on the disk.
    await truncate(path, MAX_IMAGE_BYTES + 1);
    await expect(readImageBytes({ path })).rejects.toThrow(message);
  });
});
