import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImageBytes } from '../../../../src/ml/data/read-image-bytes.js';
import { openDataset } from '../../../../src/ml/data/readers/open-dataset.js';
import { folderOf, plainPng } from '../image-files.js';
import { failureOf } from '../ml-failure.js';
import { filesOf, type Record, recordOf } from './recordio-files.js';

const image = (text: string) => Buffer.from(text);
/** InsightFace's: record 0 names the identities' records, 4 and 5; each holds the range of its images. */
const INSIGHTFACE: Record[] = [
  { labels: [4, 6] },
  { labels: [7], image: image('first') },
  { labels: [7, 0.5], image: image('second!') },
  { labels: [12], image: image('third') },
  { labels: [1, 3] },
  { labels: [3, 4] },
];

describe('RecordIO', () => {
  it("reads InsightFace's form: images by record 0, the first label of several, bytes by range", async () => {
    const dir = await folderOf(filesOf(INSIGHTFACE));
    const { form, classNames, images, ignored } = await openDataset(dir);
    expect([form, classNames, ignored]).toEqual(['recordio', ['7', '12'], []]);
    expect(images.map(({ relativePath, label }) => [relativePath, label])).toEqual([
      ['train.rec/1', 0],
      ['train.rec/2', 0],
      ['train.rec/3', 1],
    ]);
    const texts = await Promise.all(images.map(async (each) => String(await readImageBytes(each))));
    expect(texts).toEqual(['first', 'second!', 'third']);
  });

  it("reads im2rec's form, where record 0 is an image, and orders classes by number", async () => {
    const png = await plainPng([1, 2, 3]);
    const records = [
      { labels: [10], image: png },
      { labels: [9], image: image('x') },
    ];
    const dir = await folderOf(filesOf(records));
    const { classNames, images } = await openDataset(join(dir, 'train.rec'));
    expect(classNames).toEqual(['9', '10']);
    expect(images.map(({ label }) => label)).toEqual([1, 0]);
    expect(await readImageBytes(images[0] ?? { path: '' })).toEqual(png);
  });

  it('lists what is cut off, in several parts, of a strange label or where no record is', async () => {
    const records = [
      { labels: [0], image: image('good') },
      { labels: [1], image: image('parted'), part: 1 },
      { labels: [1.5], image: image('half') },
      { labels: [Number.NaN], image: image('nan') },
      { labels: [-1], image: image('minus') },
      { labels: [2], image: image('cut off at the end') },
    ];
    const files = filesOf(records, (index) => `${index}6\t999999999999999\n7\t4\n`);
    const dir = await folderOf(files);
    await truncate(join(dir, 'train.rec'), files['train.rec'].length - 8);
    const { images, ignored } = await openDataset(dir);
    expect(images.map(({ relativePath }) => relativePath)).toEqual(['train.rec/0']);
    expect(ignored).toEqual([
      { path: 'train.rec/1', reason: 'a record in several parts, which is not read' },
      { path: 'train.rec/2', reason: 'a label of 1.5' },
      { path: 'train.rec/3', reason: 'a label of NaN' },
      { path: 'train.rec/4', reason: 'a label of -1' },
      { path: 'train.rec/5', reason: "a record that runs beyond the file's end" },
      {
        path: 'train.rec/6',
        reason: expect.stringMatching(/^an offset of 999999999999999 in a file of \d+ bytes$/),
      },
      { path: 'train.rec/7', reason: 'no record at offset 4' },
    ]);
  });

  it('takes no memory by what a record claims: labels, lengths', async () => {
    const many = recordOf({ labels: [0], image: image('x') });
    many.writeUInt32LE(0xffff_ffff, 8);
    const short = recordOf({ labels: [0] });
    short.writeUInt32LE(3, 4);
    const good = recordOf({ labels: [0], image: image('good') });
    const index = `0\t0\n1\t${good.length}\n2\t${good.length + many.length}\n`;
    const dir = await folderOf({ 'a.rec': Buffer.concat([good, many, short]), 'a.idx': index });
    const { ignored } = await openDataset(dir);
    expect(ignored.map(({ reason }) => reason)).toEqual([
      'a record of 4294967295 labels',
      'a record shorter than its header',
    ]);
  });

  it.each([
    ['words', 'a\tb\n', 'Expected a key and an offset in line 1 of train.idx; found "a\\tb".'],
    ['a key twice', '0\t0\n0\t8\n', 'in line 2 of train.idx; found the key 0 again'],
    ['a negative offset', '0\t-4\n', 'in line 1 of train.idx; found "0\\t-4"'],
    ['no keys', '', 'Expected images in train.rec; found none.'],
    ['an endless line', '1'.repeat(300_000), 'found a line of more than 65536 bytes'],
  ])('refuses an index of %s', async (_, index, message) => {
    const dir = await folderOf(filesOf(INSIGHTFACE, () => index));
    expect((await failureOf(() => openDataset(dir))).message).toContain(message);
  });

  it('refuses a record 0 that names no range, and a file of which nothing is left', async () => {
    const strange = await folderOf(filesOf([{ labels: [1.5, 2, 3] }, { labels: [0] }]));
    expect((await failureOf(() => openDataset(strange))).message).toBe(
      'Expected record 0 of train.rec to say where the identities begin and end; found the labels 1.5, 2, 3.',
    );
    const empty = await folderOf({ ...filesOf(INSIGHTFACE), 'train.rec': '' });
    expect((await failureOf(() => openDataset(empty))).code).toBe('dataset_empty');
  });

  it('needs its index, as a file of the dataset, and one .rec', async () => {
    const dir = await folderOf({ 'train.rec': '' });
    const messageOf = async () => (await failureOf(() => openDataset(dir))).message;
    expect(await messageOf()).toBe('Expected train.idx to be a plain file; found no such file.');
    const outside = await folderOf({ 'x.idx': '0\t0\n' });
    await symlink(join(outside, 'x.idx'), join(dir, 'train.idx'));
    expect(await messageOf()).toContain('found a link that leads out of the dataset');
    await writeFile(join(dir, 'val.rec'), '');
    expect(await messageOf()).toBe('Expected one .rec file in the dataset; found train.rec and val.rec.');
  });
});
