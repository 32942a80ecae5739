import { execFileSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertTrainable, scanClassFolder } from '../../../src/ml/data/class-folder.js';
import { folderOf, temporaryFolder } from './image-files.js';
import { failureOf } from './ml-failure.js';

const imagesOf = (counts: readonly number[]) => ({
  classNames: counts.map((_, label) => `c${label}`),
  images: counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ path: `/x/${i}`, relativePath: `c${label}/${i}`, label })),
  ),
});

describe('scanClassFolder', () => {
  it('lists images of every ending by class, sorted by code unit, without opening them', async () => {
    const endings = ['jpg', 'JPEG', 'png', 'webp', 'tif', 'tiff', 'avif', 'pgm', 'ppm', 'pnm'];
    const files = Object.fromEntries(endings.map((ending, i) => [`b/${i}.${ending}`, 'no image']));
    const dir = await folderOf({ ...files, 'a/10.png': '', 'a/9.png': '', 'B/x.png': '', 'é/x.png': '' });
    const { classNames, images, ignored } = await scanClassFolder(dir);
    expect(classNames).toEqual(['B', 'a', 'b', 'é']);
    expect(ignored).toEqual([]);
    expect(images.map(({ relativePath }) => relativePath)).toEqual([
      'B/x.png',
      'a/10.png',
      'a/9.png',
      ...endings.map((ending, i) => `b/${i}.${ending}`),
      'é/x.png',
    ]);
    expect(images.map(({ label }) => label)).toEqual([0, 1, 1, ...endings.map(() => 2), 3]);
    expect(images[0]?.path.endsWith('/B/x.png')).toBe(true);
  });

  it('ignores what is no image of a class and says why', async () => {
    const dir = await folderOf({
      'a/1.png': '',
      'a/.hidden.png': '',
      'a/notes.txt': '',
      'a/noending': '',
      'a/deeper/2.png': '',
      'a/folder.png/3.png': '',
      '.git/4.png': '',
      'README.md': '',
    });
    const { classNames, images, ignored } = await scanClassFolder(dir);
    expect(classNames).toEqual(['a']);
    expect(images.map(({ relativePath }) => relativePath)).toEqual(['a/1.png']);
    expect(Object.fromEntries(ignored.map(({ path, reason }) => [path, reason]))).toEqual({
      '.git': 'hidden',
      'README.md': 'a file outside the class folders',
      'a/.hidden.png': 'hidden',
      'a/deeper': 'a folder inside a class folder',
      'a/folder.png': 'a folder inside a class folder',
      'a/noending': 'no image by its ending ""',
      'a/notes.txt': 'no image by its ending ".txt"',
    });
  });

  it('follows links within the dataset and none out of it', async () => {
    const outside = await folderOf({ 'secret.png': '', 'class/1.png': '' });
    // The neighbour's path begins as the dataset's does, and is outside all the same.
    const parent = await folderOf({ 'set/a/1.png': '', 'set/b/2.png': '', 'set-neighbour/n.png': '' });
    const dir = join(parent, 'set');
    await symlink('../../set-neighbour/n.png', join(dir, 'a', 'neighbour.png'));
    await symlink(join(outside, 'secret.png'), join(dir, 'a', 'secret.png'));
    await symlink('../../../../../../../etc/hostname', join(dir, 'a', 'host.png'));
    await symlink('gone.png', join(dir, 'a', 'dangling.png'));
    await symlink('loop.png', join(dir, 'a', 'loop.png'));
    await symlink('../b/2.png', join(dir, 'a', 'inside.png'));
    await symlink(join(outside, 'class'), join(dir, 'outside'));
    await symlink('b', join(dir, 'again'));
    const { classNames, images, ignored } = await scanClassFolder(dir);
    expect(classNames).toEqual(['a', 'again', 'b']);
    expect(images.map(({ relativePath }) => relativePath)).toEqual([
      'a/1.png',
      'a/inside.png',
      'again/2.png',
      'b/2.png',
    ]);
    expect(Object.fromEntries(ignored.map(({ path, reason }) => [path, reason]))).toEqual({
      outside: 'a link that leads out of the dataset',
      'a/neighbour.png': 'a link that leads out of the dataset',
      'a/secret.png': 'a link that leads out of the dataset',
      'a/host.png': 'a link that leads out of the dataset',
      'a/dangling.png': 'a link that leads nowhere',
      'a/loop.png': 'a link that leads nowhere',
    });
  });

  it('opens no pipe, not even through a link', async () => {
    const dir = await folderOf({ 'a/1.png': '' });
    execFileSync('mkfifo', [join(dir, 'a', 'pipe.png')]);
    await symlink('pipe.png', join(dir, 'a', 'link.png'));
    const { images, ignored } = await scanClassFolder(dir);
    expect(images).toHaveLength(1);
    expect(ignored.map(({ reason }) => reason)).toEqual([
      'neither a file nor a folder',
      'neither a file nor a folder',
    ]);
  });

  it('takes a dataset that is itself a link', async () => {
    const dir = await folderOf({ 'a/1.png': '' });
    const link = join(await temporaryFolder(), 'link');
    await symlink(dir, link);
    expect((await scanClassFolder(link)).images).toHaveLength(1);
  });

  it('refuses a folder without class folders', async () => {
    const empty = await temporaryFolder();
    expect(await failureOf(() => scanClassFolder(empty))).toEqual({
      code: 'dataset_empty',
      fault: 'data',
      message: 'Expected one folder per class in the dataset; found nothing.',
    });
    const loose = await folderOf({ '1.png': '', '2.png': '' });
    const { message } = await failureOf(() => scanClassFolder(loose));
    expect(message).toBe('Expected one folder per class in the dataset; found 2 other entries.');
  });

  it('refuses a folder that is missing, and a file', async () => {
    const dir = await folderOf({ 'file.png': '' });
    const missing = await failureOf(() => scanClassFolder(join(dir, 'missing')));
    expect(missing).toEqual({
      code: 'dataset_unreadable',
      fault: 'data',
      message: 'Expected the dataset to be a readable folder; found: ENOENT.',
    });
    const { message } = await failureOf(() => scanClassFolder(join(dir, 'file.png')));
    expect(message).toBe('Expected the dataset to be a readable folder; found: ENOTDIR.');
  });
});

describe('assertTrainable', () => {
  it('takes a dataset of exactly one batch, with the right classCount or none', () => {
    expect(() => assertTrainable(imagesOf([2, 2]), { batchSize: 4 })).not.toThrow();
    expect(() => assertTrainable(imagesOf([2, 2]), { batchSize: 4, classCount: 2 })).not.toThrow();
  });

  it.each([
    [
      'a wrong classCount',
      [4, 4],
      { batchSize: 4, classCount: 3 },
      'class_count_mismatch',
      'user',
      ['3', '2'],
    ],
    ['one class', [9], { batchSize: 4 }, 'too_few_classes', 'data', ['at least 2', 'found 1']],
    ['an empty class', [4, 0, 4], { batchSize: 4 }, 'class_empty', 'data', ['none in 1: c1']],
    [
      'less than a batch',
      [2, 1],
      { batchSize: 4 },
      'dataset_too_small',
      'data',
      ['batch of 4', 'found 3 readable'],
    ],
  ] as const)('refuses %s', async (_, counts, expectation, code, fault, parts) => {
    const failure = await failureOf(() => assertTrainable(imagesOf(counts), expectation));
    expect(failure).toMatchObject({ code, fault });
    for (const part of parts) expect(failure.message).toContain(part);
  });

  it('names the first five of many empty classes', async () => {
    const { message } = await failureOf(() =>
      assertTrainable(imagesOf([4, 0, 0, 0, 0, 0, 0]), { batchSize: 1 }),
    );
    expect(message).toContain('none in 6: c1, c2, c3, c4, c5, ….');
  });
});
