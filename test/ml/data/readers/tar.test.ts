import { execFileSync } from 'node:child_process';
import { symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImageBytes } from '../../../../src/ml/data/read-image-bytes.js';
import { openDataset } from '../../../../src/ml/data/readers/open-dataset.js';
import { folderOf, temporaryFolder } from '../image-files.js';
import { failureOf } from '../ml-failure.js';

/** One entry of a tar file; `size` is what its header claims. */
function entryOf(name: string, text = '', { type = '0', size = Buffer.byteLength(text) } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  if (size < 8 ** 11) header.write(size.toString(8).padStart(11, '0'), 124);
  else header.fill(0xff, 124, 136);
  header.fill(' ', 148, 156);
  header.write(type, 156);
  header.write('ustar\0' + '00', 257);
  header.write(
    header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0'),
    148,
  );
  header.write('\0 ', 154);
  const length = Buffer.byteLength(text);
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc((512 - (length % 512)) % 512)]);
}
const paxOf = (key: string, value: string) => {
  const text = ` ${key}=${value}\n`;
  // The length counts its own digits.
  const length = [2, 3, 4]
    .map((digits) => text.length + digits)
    .find((all, i) => String(all).length === i + 2);
  return entryOf('pax', `${length}${text}`, { type: 'x' });
};
const END = Buffer.alloc(1024);
const tarOf = (...entries: readonly Buffer[]) => folderOf({ 'a.tar': Buffer.concat([...entries, END]) });
const namesOf = (images: readonly { relativePath: string }[]) =>
  images.map(({ relativePath }) => relativePath);

describe('tar shards', () => {
  it('written by tar itself are read in place: class folders, long names, several shards', async () => {
    const long = `${'n'.repeat(120)}.png`;
    const source = await folderOf({ 'ann/1.png': 'one', 'bob/2.png': 'two', [`bob/${long}`]: 'three' });
    const dir = await temporaryFolder();
    for (const [format, part] of [
      ['gnu', 'ann'],
      ['pax', 'bob'],
    ] as const)
      execFileSync('tar', [`--format=${format}`, '-C', source, '-cf', join(dir, `${part}.tar`), `./${part}`]);
    const { form, classNames, images, ignored } = await openDataset(dir);
    expect([form, classNames, ignored]).toEqual(['tar', ['ann', 'bob'], []]);
    expect(new Set(namesOf(images))).toEqual(
      new Set(['ann.tar/ann/1.png', 'bob.tar/bob/2.png', `bob.tar/bob/${long}`]),
    );
    const texts = await Promise.all(images.map(async (image) => String(await readImageBytes(image))));
    expect(texts.toSorted()).toEqual(['one', 'three', 'two']);
    expect(images.map(({ label }) => label).toSorted()).toEqual([0, 1, 1]);
    expect(namesOf((await openDataset(join(dir, 'ann.tar'))).images)).toEqual(['ann.tar/ann/1.png']);
  });

  it('of WebDataset take the class from .cls or .json beside the image', async () => {
    const dir = await tarOf(
      entryOf('001.jpg', 'a'),
      entryOf('001.cls', '7\n'),
      entryOf('002.jpg', 'b'),
      entryOf('002.json', '{"label": "zoe", "age": 3}'),
      entryOf('x/003.left.jpg', 'c'),
      entryOf('x/003.json', '{"cls": 7}'),
      entryOf('004.jpg'),
      entryOf('005.jpg'),
      entryOf('005.json', 'no json'),
      entryOf('006.jpg'),
      entryOf('006.cls', 'x'.repeat(70_000)),
      entryOf('x/y/007.jpg'),
      entryOf('008.txt'),
    );
    const { classNames, images, ignored } = await openDataset(dir);
    expect(classNames).toEqual(['7', 'zoe']);
    expect(images.map(({ relativePath, label }) => [relativePath, label])).toEqual([
      ['a.tar/001.jpg', 0],
      ['a.tar/002.jpg', 1],
      ['a.tar/x/003.left.jpg', 0],
    ]);
    expect(ignored).toEqual([
      { path: 'a.tar/004.jpg', reason: 'no .cls or .json beside it, and in no folder' },
      { path: 'a.tar/005.jpg', reason: 'no label in its .json' },
      { path: 'a.tar/006.jpg', reason: 'no label in its .cls' },
      { path: 'a.tar/x/y/007.jpg', reason: 'a folder inside a class folder' },
      { path: 'a.tar/008.txt', reason: 'no image by its ending ".txt"' },
    ]);
  });

  it('list links, steps up, absolute and sparse entries and second names, and go on', async () => {
    const dir = await tarOf(
      entryOf('c/', '', { type: '5' }),
      entryOf('c/link.jpg', '', { type: '2' }),
      entryOf('c/hard.jpg', '', { type: '1' }),
      entryOf('c/pipe.jpg', '', { type: '6' }),
      entryOf('c/sparse.jpg', '', { type: 'S' }),
      entryOf('../up.jpg', 'x'),
      entryOf('/etc/abs.jpg', 'x'),
      entryOf('c/1.jpg', 'first'),
      entryOf('./c/1.jpg', 'second'),
      paxOf('GNU.sparse.major', '1'),
      entryOf('c/2.jpg', 'x'),
      paxOf('path', '../../pax.jpg'),
      entryOf('c/3.jpg', 'x'),
      entryOf('c/last.jpg', 'last'),
    );
    const { images, ignored } = await openDataset(dir);
    expect(namesOf(images)).toEqual(['a.tar/c/1.jpg', 'a.tar/c/last.jpg']);
    expect(String(await readImageBytes(images[0] ?? { path: '' }))).toBe('first');
    expect(ignored.map(({ path, reason }) => [path.replace('a.tar/', ''), reason])).toEqual([
      ['c/link.jpg', 'a link'],
      ['c/hard.jpg', 'a link'],
      ['c/pipe.jpg', 'neither a file nor a folder'],
      ['c/sparse.jpg', 'a sparse file'],
      ['../up.jpg', 'a name that steps up with ".."'],
      ['/etc/abs.jpg', 'an absolute name'],
      ['c/1.jpg', 'a name that came before'],
      ['c/2.jpg', 'a sparse file'],
      ['../../pax.jpg', 'a name that steps up with ".."'],
    ]);
  });

  it.each([
    ['a size beyond all measure', entryOf('c/2.jpg', '', { size: 2 ** 80 }), "runs beyond the file's end"],
    ['a size of 8 GB', entryOf('c/2.jpg', '', { size: 8 ** 11 - 1 }), "runs beyond the file's end"],
    ['no header', Buffer.alloc(512, 7), 'no header at byte 1024; what follows is not read'],
    ['a broken pax header', entryOf('p', '999 path=x\n', { type: 'x' }), 'no pax header'],
    ['a pax size of words', paxOf('size', 'many'), 'no pax header'],
    [
      'a long name of a megabyte',
      entryOf('L', 'x'.repeat(1_000_000), { type: 'L' }),
      'a header of 1000000 bytes',
    ],
  ])('keep what came before %s, and say so', async (_, bad, reason) => {
    const { images, ignored } = await openDataset(await tarOf(entryOf('c/1.jpg', 'good'), bad));
    expect(namesOf(images)).toEqual(['a.tar/c/1.jpg']);
    expect(ignored).toHaveLength(1);
    expect(ignored[0]?.reason).toContain(reason);
  });

  it('cut short in data and in a header are read up to there', async () => {
    const whole = Buffer.concat([entryOf('c/1.jpg', 'good'), entryOf('c/2.jpg', 'x'.repeat(600))]);
    const dir = await folderOf({ 'a.tar': whole });
    await truncate(join(dir, 'a.tar'), 1024 + 512 + 100);
    expect((await openDataset(dir)).ignored).toEqual([
      { path: 'a.tar/c/2.jpg', reason: "runs beyond the file's end" },
    ]);
    await truncate(join(dir, 'a.tar'), 1024 + 100);
    expect((await openDataset(dir)).ignored[0]?.reason).toContain('a header that is cut short at byte 1024');
  });

  it('without an image, or that are links out of the dataset, are refused', async () => {
    expect((await failureOf(async () => openDataset(await tarOf()))).message).toBe(
      'Expected images with a class in a.tar; found none.',
    );
    const outside = await tarOf(entryOf('c/1.jpg', 'x'));
    const dir = await temporaryFolder();
    await symlink(join(outside, 'a.tar'), join(dir, 'b.tar'));
    expect((await failureOf(() => openDataset(dir))).message).toContain(
      'a link that leads out of the dataset',
    );
  });

  it('beside class folders are strays', async () => {
    const dir = await folderOf({ 'c/1.jpg': '', 'backup.tar': END });
    expect((await openDataset(dir)).form).toBe('folders');
  });
});
