import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashDataset as hashOf } from '../../../src/ml/data/dataset-hash.js';
import type { ImageEntry } from '../../../src/ml/data/image-entry.js';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const CLASSES = ['a', 'b', 'c'];
const entry = (relativePath: string, root = '/data'): ImageEntry => ({
  path: `${root}/${relativePath}`,
  relativePath,
  label: CLASSES.indexOf(relativePath[0] ?? ''),
});
const hashDataset = (images: readonly ImageEntry[], sha256s: readonly string[]) =>
  hashOf(images, sha256s, CLASSES);
const [one, two] = [entry('a/1.png'), entry('b/2.png')];

describe('hashDataset', () => {
  it('is SHA-256 over the sorted names and hashes', () => {
    const expected = sha(`a/1.png\0${sha('x')}\nb/2.png\0${sha('y')}\n`);
    expect(hashDataset([one, two], [sha('x'), sha('y')])).toBe(expected);
    expect(hashDataset([two, one], [sha('y'), sha('x')])).toBe(expected);
  });

  it('does not depend on where the dataset lies', () => {
    const elsewhere = hashDataset([entry('a/1.png', '/mnt/other')], [sha('x')]);
    expect(elsewhere).toBe(hashDataset([one], [sha('x')]));
  });

  it('changes with a byte, a name, a class, an image more, and images that swap places', () => {
    const hashes = [
      hashDataset([one, two], [sha('x'), sha('y')]),
      hashDataset([one, two], [sha('x'), sha('z')]),
      hashDataset([entry('a/3.png'), two], [sha('x'), sha('y')]),
      hashDataset([entry('c/1.png'), two], [sha('x'), sha('y')]),
      hashDataset([one, two], [sha('y'), sha('x')]),
      hashDataset([one], [sha('x')]),
      hashDataset([], []),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('changes with what a manifest says of an image: its class, its part, its split', () => {
    const hashes = [
      one,
      { ...one, label: 1 },
      { ...one, split: 'val' as const },
      { ...one, region: { kind: 'box' as const, x: 0, y: 0, width: 4, height: 4 } },
    ].map((image) => hashDataset([image], [sha('x')]));
    expect(new Set(hashes).size).toBe(4);
  });

  it('refuses hashes that do not match the images in number', () => {
    expect(() => hashDataset([one, two], [sha('x')])).toThrow('expected 2 hashes of images; found 1');
  });
});
