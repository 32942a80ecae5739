import { execFileSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../../src/ml/data/readers/open-dataset.js';
import { folderOf } from '../image-files.js';
import { failureOf } from '../ml-failure.js';

const LANDMARKS =
  'lefteye_x,lefteye_y,righteye_x,righteye_y,nose_x,nose_y,leftmouth_x,leftmouth_y,rightmouth_x,rightmouth_y';
const withCsv = (manifest: string) =>
  folderOf({ 'manifest.csv': manifest, 'p/1.png': '', 'p/2.png': '', 'q.png': '', 'secret/x.png': '' });
const withJsonl = (manifest: string) => folderOf({ 'manifest.jsonl': manifest, 'p/1.png': '', 'q.png': '' });
const messageOf = async (dir: string) => (await failureOf(() => openDataset(dir))).message;

describe('a CSV manifest', () => {
  it('gives classes, splits, parts of images and further columns', async () => {
    const dir = await withCsv(
      `\uFEFFpath,label,split,x,y,w,h,${LANDMARKS},camera\r\n` +
        'p/1.png,zoe,train,,,,,1,2,3.5,4,5,6,7,8,9,10,north\r\n' +
        '"p/2.png","an, na",val,-1,2,30,40,,,,,,,,,,,\r\n' +
        '\r\n' +
        './q.png,zoe,,,,,,,,,,,,,,,,"a ""b"""\r\n',
    );
    const { form, classNames, images, ignored } = await openDataset(dir);
    expect([form, classNames, ignored]).toEqual(['manifest', ['an, na', 'zoe'], []]);
    expect(images).toEqual([
      {
        path: join(dir, 'p/1.png'),
        relativePath: 'p/1.png',
        label: 1,
        split: 'train',
        region: { kind: 'landmarks', points: [1, 2, 3.5, 4, 5, 6, 7, 8, 9, 10] },
        attributes: { camera: 'north' },
      },
      {
        path: join(dir, 'p/2.png'),
        relativePath: 'p/2.png',
        label: 0,
        split: 'val',
        region: { kind: 'box', x: -1, y: 2, width: 30, height: 40 },
      },
      { path: join(dir, 'q.png'), relativePath: 'q.png', label: 1, attributes: { camera: 'a "b"' } },
    ]);
  });

  it('is found by the name of its own file as well', async () => {
    const dir = await folderOf({ 'lists/a.csv': 'path,label\n1.png,a\n', 'lists/1.png': '' });
    const { images } = await openDataset(join(dir, 'lists/a.csv'));
    expect(images.map(({ path }) => path)).toEqual([join(dir, 'lists/1.png')]);
  });

  it('may list several parts of one image, each under a name of its own', async () => {
    const { images } = await openDataset(
      await withCsv('path,label,x,y,w,h\nq.png,a,0,0,9,9\nq.png,b,9,0,9,9\n'),
    );
    expect(images.map(({ relativePath }) => relativePath)).toEqual(['q.png', 'q.png#2']);
  });

  it.each([
    ['no label', 'path,label\nq.png,\n', 'Expected a label in line 2 of manifest.csv; found nothing.'],
    ['no path', 'path,label\n\n,a\n', 'Expected a path in line 3 of manifest.csv; found nothing.'],
    ['a step up', 'path,label\np/../../x,a\n', 'line 2 of manifest.csv; found "p/../../x", which steps up'],
    ['an absolute path', 'path,label\n/etc/passwd,a\n', 'found the absolute path "/etc/passwd"'],
    ["another system's path", 'path,label\nC:/x.png,a\n', 'found the absolute path "C:/x.png"'],
    ['a NUL in a path', 'path,label\nq\0.png,a\n', 'with a character that no path may hold'],
    ['a backslash', 'path,label\n..\\x.png,a\n', 'with a character that no path may hold'],
    ['another split', 'path,label,split\nq.png,a,dev\n', 'Expected a split of train, val, test in line 2'],
    ['half a box', 'path,label,x,y,w,h\nq.png,a,1,2,3,\n', 'as "h" in line 2 of manifest.csv; found nothing'],
    ['an empty box', 'path,label,x,y,w,h\nq.png,a,1,2,0,4\n', 'positive width and height in line 2'],
    [
      'words for numbers',
      'path,label,x,y,w,h\nq.png,a,1,2,3,ten\n',
      'as "h" in line 2 of manifest.csv; found "ten"',
    ],
    ['infinity', 'path,label,x,y,w,h\nq.png,a,1,2,3,Infinity\n', 'found "Infinity"'],
    [
      'one point for all',
      `path,label,${LANDMARKS}\nq.png,a${',7'.repeat(10)}\n`,
      'the same point five times',
    ],
    [
      'too few cells',
      'path,label,split\nq.png,a\n',
      'in line 2 of manifest.csv; found another number of cells',
    ],
    ['an open quotation', 'path,label\nq.png,"a\n', 'found a quotation mark that is never closed'],
    ['no such column', 'file,label\nq.png,a\n', 'Expected the columns path and label in line 1'],
    ['a column twice', 'path,label,path\nq.png,a,q.png\n', 'Expected each column once in line 1'],
    [
      'an image twice',
      'path,label\nq.png,a\np/1.png,a\n./q.png,b\n',
      'in line 4 of manifest.csv; found "q.png" again, as in line 2',
    ],
    ['nothing', '', 'Expected a first line that names the columns in manifest.csv; found nothing.'],
    ['no rows', 'path,label\n', 'Expected images listed in manifest.csv; found none.'],
    [
      'a line of a megabyte',
      `path,label\nq.png,${'a'.repeat(1_000_000)}\n`,
      'a line of more than 65536 bytes',
    ],
  ])('with %s is refused', async (_, manifest, message) => {
    expect(await messageOf(await withCsv(manifest))).toContain(message);
  });

  it('skips what is no file within the dataset, by line and reason', async () => {
    const dir = await withCsv('path,label\nmissing.png,a\nout.png,a\np,a\npipe,a\nin.png,a\nq.png,b\n');
    const outside = await folderOf({ 'x.png': '' });
    await symlink(join(outside, 'x.png'), join(dir, 'out.png'));
    await symlink(join(dir, 'p/1.png'), join(dir, 'in.png'));
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    const { images, ignored } = await openDataset(dir);
    expect(images.map(({ relativePath }) => relativePath)).toEqual(['in.png', 'q.png']);
    expect(ignored).toEqual([
      { path: 'missing.png', reason: 'line 2: no such file' },
      { path: 'out.png', reason: 'line 3: a link that leads out of the dataset' },
      { path: 'p', reason: 'line 4: no plain file' },
      { path: 'pipe', reason: 'line 5: no plain file' },
    ]);
  });

  it('that is itself a link out of the dataset is not read', async () => {
    const outside = await folderOf({ 'x.csv': 'password,label\n' });
    const dir = await folderOf({ 'q.png': '' });
    await symlink(join(outside, 'x.csv'), join(dir, 'manifest.csv'));
    const message = await messageOf(dir);
    expect(message).toBe(
      'Expected manifest.csv to be a plain file; found a link that leads out of the dataset.',
    );
  });
});

describe('a JSONL manifest', () => {
  it('gives the same as a CSV, with arrays for box and landmarks', async () => {
    const dir = await withJsonl(
      '{"path": "p/1.png", "label": 7, "split": "test", "landmarks": [[1,2],[3,4],[5,6],[7,8],[9,10]]}\n' +
        '\n{"path": "q.png", "label": "b", "box": [1, 2, 3, 4], "note": null, "age": 30, "__proto__": "x"}',
    );
    const { classNames, images } = await openDataset(dir);
    expect(classNames).toEqual(['7', 'b']);
    expect(images[0]).toMatchObject({
      label: 0,
      split: 'test',
      region: { kind: 'landmarks', points: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
    });
    expect(images[1]).toMatchObject({ label: 1, region: { kind: 'box', x: 1, y: 2, width: 3, height: 4 } });
    expect(images[1]?.attributes?.age).toBe('30');
  });

  it.each([
    [
      'no JSON',
      '{"path": "q.png", "label": 1}\nnonsense\n',
      'Expected a JSON object in line 2 of manifest.jsonl; found "nonsense".',
    ],
    ['no object', '[1]\n', 'Expected a JSON object in line 1'],
    [
      'three landmarks',
      '{"path":"q.png","label":1,"landmarks":[[1,2],[3,4],[5,6]]}',
      'Expected 10 numbers as "landmarks" in line 1',
    ],
    [
      'text in a box',
      '{"path":"q.png","label":1,"box":[1,2,3,"4"]}',
      'Expected 4 numbers as "box" in line 1',
    ],
    ['an object as label', '{"path":"q.png","label":{}}', 'Expected text or a number as "label" in line 1'],
    ['a step up', '{"path":"../q.png","label":1}', 'which steps up with ".."'],
    [
      'a line without an end',
      `{"path":"${'a'.repeat(500_000)}`,
      'line 1 of manifest.jsonl; found a line of more than 65536 bytes',
    ],
  ])('with %s is refused', async (_, manifest, message) => {
    expect(await messageOf(await withJsonl(manifest))).toContain(message);
  });
});

describe('openDataset', () => {
  it('refuses two manifests, a file of another kind, and what is not there', async () => {
    const dir = await withCsv('path,label\nq.png,a\n');
    await writeFile(join(dir, 'manifest.jsonl'), '');
    expect(await messageOf(dir)).toBe(
      'Expected one manifest in the dataset; found manifest.csv and manifest.jsonl.',
    );
    expect(await messageOf(join(dir, 'q.png'))).toContain('found one ending in ".png"');
    expect(await messageOf(join(dir, 'none'))).toContain('found: ENOENT');
  });

  it('reads class folders where there is no manifest', async () => {
    const { form, classNames } = await openDataset(await folderOf({ 'a/1.png': '', 'b/2.png': '' }));
    expect([form, classNames]).toEqual(['folders', ['a', 'b']]);
  });
});
