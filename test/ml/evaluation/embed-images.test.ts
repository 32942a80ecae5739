import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CsvWriter } from '../../../src/ml/evaluation/csv-writer.js';
import { cosineOf, normaliseRows } from '../../../src/ml/evaluation/embed-images.js';
import { EmbeddingStore, uniqueImages } from '../../../src/ml/evaluation/embedding-store.js';
import { temporaryFolder } from '../data/image-files.js';

describe('normaliseRows', () => {
  it('sets each length to 1 and leaves zeros', () => {
    const values = Float32Array.of(3, 4, 0, 0, 1e-20, 0);
    normaliseRows(values, 2);
    expect([...values]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 0, 1, 0]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    expect(() => normaliseRows(Float32Array.of(1, value), 2)).toThrow('Expected finite embeddings');
  });
});

describe('cosineOf', () => {
  it('stays within [−1, 1]', () => {
    const values = Float32Array.of(0.6, 0.8, -0.6, -0.8, 1.0000001, 0, 0, 1);
    const table = { values, size: 2, count: 4 };
    expect([cosineOf(table, 2, 2), cosineOf(table, 2, 3)]).toEqual([1, 0]);
    expect(cosineOf(table, 0, 1)).toBeCloseTo(-1, 6);
  });
});

describe('EmbeddingStore', () => {
  const image = (path: string, offset?: number) => ({
    path,
    relativePath: path,
    label: 0,
    ...(offset === undefined ? {} : { range: { offset, length: 1 } }),
  });
  const all = [image('x'), image('y'), image('bin', 0), image('bin', 1)];

  it('holds each image once, told apart by where its bytes lie', () => {
    expect(uniqueImages([all.slice(0, 2), all, [image('x')]])).toEqual(all);
  });

  it('gives rows in the order asked for, without a copy where they lie in a row', () => {
    const table = { values: Float32Array.of(0, 1, 2, 3), size: 1, count: 4 };
    const store = new EmbeddingStore(all, table);
    expect([...store.of([all[3], all[0]] as typeof all).values]).toEqual([3, 0]);
    expect(store.of(all.slice(1)).values.buffer).toBe(table.values.buffer);
    expect(store.of([])).toMatchObject({ count: 0 });
  });
});

describe('CsvWriter', () => {
  it('quotes what needs it and writes rows in order', async () => {
    const path = join(await temporaryFolder(), 'rows.csv');
    const file = await CsvWriter.open(path, ['name', 'value']);
    await file.add(['a, "b"', null]);
    for (let i = 0; i < 25_000; i += 1) await file.add([i, 1 / 3]);
    await file.close();
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines.slice(0, 3)).toEqual(['name,value', '"a, ""b""",', '0,0.3333333333333333']);
    expect([lines.length, lines[25_001]]).toEqual([25_003, '24999,0.3333333333333333']);
  });
});
