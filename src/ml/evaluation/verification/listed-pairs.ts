import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'csv-parse';
import type { ImageEntry } from '../../data/image-entry.js';
import { MlError } from '../../ml-error.js';
import { PairBuilder, type PairSet } from './pairs.js';

const COLUMNS = ['left', 'right', 'same'] as const;
const TRUTHS = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);

/**
 * Pairs from a CSV with the columns `left`, `right` (paths within the dataset) and `same` (1, 0, true or false).
 * @throws MlError `pairs_unreadable` naming the line
 */
export async function readCsvPairs(path: string, images: readonly ImageEntry[]): Promise<PairSet> {
  const byPath = new Map(images.map((image) => [image.relativePath, image]));
  const find = (line: number, name: string) =>
    byPath.get(name) ?? refuse(line, 'the path of a readable image', name);
  const pairs = new PairBuilder();
  const rows = createReadStream(path).pipe(parse({ columns: true, bom: true, trim: true, info: true }));
  try {
    for await (const { record, info } of rows as AsyncIterable<CsvRow>) {
      const line = info.lines;
      for (const column of COLUMNS)
        if (record[column] === undefined) refuse(1, `the column "${column}"`, 'none');
      const same =
        TRUTHS.get((record.same ?? '').toLowerCase()) ?? refuse(line, '1, 0, true or false', record.same);
      pairs.add(find(line, record.left ?? ''), find(line, record.right ?? ''), same);
    }
  } catch (error) {
    if (error instanceof MlError) throw error;
    throw unreadable((error as Error).message);
  }
  return pairs.build();
}

type CsvRow = {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
};

/**
 * Pairs from a file in the form of LFW's pairs.txt: a first line with counts, then `name i j` for two images of a person
 * and `name i other j` for images of two. Image i of a person is the file whose name ends in that number.
 * @throws MlError `pairs_unreadable` naming the line
 */
export async function readLfwPairs(
  path: string,
  { images, classNames }: { readonly images: readonly ImageEntry[]; readonly classNames: readonly string[] },
): Promise<PairSet> {
  const byNumber = new Map(images.map((image) => [`${classNames[image.label]}/${numberOf(image)}`, image]));
  const find = (line: number, name = '', number = '') => {
    const digits = /^\d+$/.test(number) ? Number(number) : refuse(line, 'the number of an image', number);
    return byNumber.get(`${name}/${digits}`) ?? refuse(line, 'a readable image', `${name} ${number}`);
  };
  const pairs = new PairBuilder();
  let line = 0;
  for await (const text of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line += 1;
    const fields = text.trim().split(text.includes('\t') ? '\t' : /\s+/);
    if (text.trim() === '' || (line === 1 && fields.every((field) => /^\d+$/.test(field)))) continue;
    const [first, second, third, fourth] = fields;
    if (fields.length === 3) pairs.add(find(line, first, second), find(line, first, third), true);
    else if (fields.length === 4) pairs.add(find(line, first, second), find(line, third, fourth), false);
    else refuse(line, 'three or four fields', `${fields.length}`);
  }
  return pairs.build();
}

/** The number that an image's name ends in, as in Ann_Veneman_0003.jpg; NaN when there is none. */
function numberOf({ relativePath }: ImageEntry): number {
  const stem = relativePath.slice(0, relativePath.length - extname(relativePath).length);
  return Number(/(\d+)$/.exec(stem)?.[1] ?? Number.NaN);
}

function refuse(line: number, expected: string, found: string | undefined): never {
  throw new MlError(
    'pairs_unreadable',
    'data',
    `Expected ${expected} in line ${line} of the pairs; found "${found}".`,
  );
}

function unreadable(found: string): MlError {
  return new MlError('pairs_unreadable', 'data', `Expected a readable file of pairs; found: ${found}.`);
}
