import { open, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { MlError } from '../../ml-error.js';
import type { IgnoredFile } from '../class-folder.js';
import type { ImageEntry } from '../image-entry.js';
import type { Dataset } from './dataset.js';
import { assertFileWithin } from './file-within.js';
import { readTextLines } from './manifest-lines.js';
import { quote } from './manifest-row.js';
import { RecordReader } from './recordio-record.js';

/** A label is a float32, which is exact up to here. */
const MAX_LABEL = 2 ** 24;
/** Records between two looks at the signal. */
const TURN = 1024;

type Labelled = { readonly entry: Omit<ImageEntry, 'label'>; readonly label: number };

/**
 * A dataset in MXNet's RecordIO: `NAME.rec` with its index `NAME.idx` beside it. Where record 0 carries labels, it is
 * InsightFace's and says that the images are the records 1 to its first label; else every record is an image, as im2rec writes. Of
 * several labels an image has the first, as InsightFace's own loader reads it. Only the heads of the records are read. A record that cannot be used is
 * listed as ignored.
 * @throws MlError `recordio_invalid` for an index that is none, `dataset_empty` when no record can be used
 */
export async function readRecordDataset(path: string, signal?: AbortSignal): Promise<Dataset> {
  const root = await realpath(dirname(path));
  const name = basename(path);
  const indexName = name.replace(/\.rec$/i, '.idx');
  for (const each of [name, indexName]) await assertFileWithin(root, each);
  const offsets = await readIndex(join(root, indexName), indexName);
  const file = await open(path, 'r');
  const found: Labelled[] = [];
  const ignored: IgnoredFile[] = [];
  try {
    const reader = new RecordReader(file, (await file.stat()).size);
    const isImage = await whichAreImages(reader, offsets, name);
    let looked = 0;
    for (const [key, offset] of offsets) {
      looked += 1;
      if (looked % TURN === 0) {
        await setImmediate();
        signal?.throwIfAborted();
      }
      if (!isImage(key)) continue;
      const relativePath = `${name}/${key}`;
      const record = await reader.read(offset);
      const [label = Number.NaN] = typeof record === 'string' ? [] : record.labels;
      if (typeof record === 'string') ignored.push({ path: relativePath, reason: record });
      else if (!Number.isInteger(label) || label < 0 || label > MAX_LABEL)
        ignored.push({ path: relativePath, reason: `a label of ${label}` });
      else {
        const range = { offset: record.offset, length: record.length };
        found.push({ entry: { path, range, relativePath }, label });
      }
    }
  } finally {
    await file.close();
  }
  if (found.length === 0) {
    const first = ignored[0] === undefined ? 'none' : `${ignored[0].path}: ${ignored[0].reason}`;
    throw new MlError('dataset_empty', 'data', `Expected images in ${name}; found ${first}.`);
  }
  const labels = [...new Set(found.map(({ label }) => label))].sort((a, b) => a - b);
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  const images = found.map(({ entry, label }) => ({ ...entry, label: indexOf.get(label) as number }));
  return { form: 'recordio', classNames: labels.map(String), images, ignored };
}

/** By record 0, which in InsightFace's form is no image, and in im2rec's is one. */
async function whichAreImages(
  reader: RecordReader,
  offsets: ReadonlyMap<number, number>,
  name: string,
): Promise<(key: number) => boolean> {
  const offset = offsets.get(0);
  const record = offset === undefined ? null : await reader.read(offset);
  if (record === null || typeof record === 'string' || !record.hasLabels) return () => true;
  const [end = Number.NaN] = record.labels;
  if (!(record.labels.length === 2 && Number.isInteger(end) && end >= 1)) {
    const found = `the labels ${record.labels.slice(0, 4).join(', ')}`;
    const message = `Expected record 0 of ${name} to say where the identities begin and end; found ${found}.`;
    throw new MlError('recordio_invalid', 'data', message);
  }
  return (key) => key >= 1 && key < end;
}

/** Offsets in bytes by key, in the index's order. */
async function readIndex(path: string, name: string): Promise<Map<number, number>> {
  const offsets = new Map<number, number>();
  let line = 0;
  for await (const text of readTextLines(path, name)) {
    line += 1;
    if (text.trim() === '') continue;
    const [, key, offset] = /^(\d{1,15})\t(\d{1,15})\s*$/.exec(text) ?? [];
    if (key === undefined || offset === undefined || offsets.has(Number(key))) {
      const found = key === undefined ? quote(text) : `the key ${key} again`;
      const message = `Expected a key and an offset in line ${line} of ${name}; found ${found}.`;
      throw new MlError('recordio_invalid', 'data', message);
    }
    offsets.set(Number(key), Number(offset));
  }
  return offsets;
}
