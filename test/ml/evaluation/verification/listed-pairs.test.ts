import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ImageEntry } from '../../../../src/ml/data/image-entry.js';
import { readCsvPairs, readLfwPairs } from '../../../../src/ml/evaluation/verification/listed-pairs.js';
import type { PairSet } from '../../../../src/ml/evaluation/verification/pairs.js';
import { folderOf } from '../../data/image-files.js';

const classNames = ['Ann_Lee', 'Bo'];
const images: ImageEntry[] = [
  'Ann_Lee/Ann_Lee_0001.jpg',
  'Ann_Lee/Ann_Lee_0012.jpg',
  'Bo/2.png',
  'Bo/x, "y".png',
].map((relativePath) => ({
  path: `/d/${relativePath}`,
  relativePath,
  label: relativePath.startsWith('Bo') ? 1 : 0,
}));
const pathOf = async (text: string) => join(await folderOf({ pairs: text }), 'pairs');
const named = ({ images: used, left, right, genuine }: PairSet) =>
  [...genuine].map((same, i) => [
    used[left[i] ?? -1]?.relativePath,
    used[right[i] ?? -1]?.relativePath,
    same,
  ]);

describe('readCsvPairs', () => {
  const read = async (text: string) => readCsvPairs(await pathOf(text), images);

  it('reads quoted names, and each image once', async () => {
    const text =
      '\ufeffsame,left,right\n1,Ann_Lee/Ann_Lee_0001.jpg,Ann_Lee/Ann_Lee_0012.jpg\r\nFALSE,Ann_Lee/Ann_Lee_0001.jpg,"Bo/x, ""y"".png"\n';
    const pairs = await read(text);
    expect(named(pairs)).toEqual([
      ['Ann_Lee/Ann_Lee_0001.jpg', 'Ann_Lee/Ann_Lee_0012.jpg', 1],
      ['Ann_Lee/Ann_Lee_0001.jpg', 'Bo/x, "y".png', 0],
    ]);
    expect(pairs.images).toHaveLength(3);
  });

  it.each([
    ['left,right\nBo/2.png,Bo/2.png\n', 'Expected the column "same" in line 1 of the pairs; found "none".'],
    [
      'left,right,same\nBo/2.png,Bo/3.png,1\n',
      'Expected the path of a readable image in line 2 of the pairs; found "Bo/3.png".',
    ],
    [
      'left,right,same\nBo/2.png,Bo/2.png,2\n',
      'Expected 1, 0, true or false in line 2 of the pairs; found "2".',
    ],
    [
      'left,right,same\nBo/2.png,Bo/2.png\n',
      'Expected a readable file of pairs; found: Invalid Record Length',
    ],
    ['left,right,same\n', 'Expected at least one pair; found none.'],
    ['', 'Expected at least one pair; found none.'],
  ])('refuses %j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
});

describe('readLfwPairs', () => {
  const read = async (text: string) => readLfwPairs(await pathOf(text), { images, classNames });

  it.each(['10\t300\n', '500\n', ''])(
    'reads genuine and impostor pairs after the counts %j',
    async (counts) => {
      const pairs = await read(`${counts}Ann_Lee\t1\t12\nAnn_Lee\t12\tBo\t2\n`);
      expect(named(pairs)).toEqual([
        ['Ann_Lee/Ann_Lee_0001.jpg', 'Ann_Lee/Ann_Lee_0012.jpg', 1],
        ['Ann_Lee/Ann_Lee_0012.jpg', 'Bo/2.png', 0],
      ]);
    },
  );

  it.each([
    ['Ann_Lee\t1\t3\n', 'Expected a readable image in line 1 of the pairs; found "Ann_Lee 3".'],
    ['1\t1\nAnn_Lee 1\n', 'Expected three or four fields in line 2 of the pairs; found "2".'],
    ['Ann_Lee\tx\t3\n', 'Expected the number of an image in line 1 of the pairs; found "x".'],
    ['10\t300\n', 'Expected at least one pair; found none.'],
  ])('refuses %j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
});
