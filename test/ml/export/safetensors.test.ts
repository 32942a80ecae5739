import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SafetensorsFile, writeSafetensors } from '../../../src/ml/export/safetensors.js';

/** Written by the reference library; scripts/fixtures/make_safetensors_fixture.py. */
const REFERENCE = fileURLToPath(new URL('../../fixtures/safetensors/types.safetensors', import.meta.url));
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-safetensors-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('a file of the reference library', () => {
  const exact = [0, -0, 1, -2.5, 240, 2 ** -14, 2 ** -24];

  it.each([
    // The nearest to a third with 11, 8 and 24 bits.
    ['F16', 1365 / 4096],
    ['BF16', 171 / 512],
    ['F32', Math.fround(1 / 3)],
    ['F64', Math.fround(1 / 3)],
  ])('gives its %s values', async (name, third) => {
    const file = await SafetensorsFile.open(REFERENCE);
    expect([...(await file.readFloats(name))]).toEqual([...exact, third]);
    expect(file.tensors.get(name)).toMatchObject({ type: name, shape: [2, 4] });
    await file.close();
  });

  it('gives odd sizes, scalars, empty tensors and metadata, and refuses whole numbers as weights', async () => {
    const file = await SafetensorsFile.open(REFERENCE);
    expect([...(await file.readFloats('odd'))]).toEqual([1.5]);
    expect([...(await file.readFloats('scalar'))]).toEqual([7]);
    expect(await file.readFloats('empty')).toHaveLength(0);
    expect(file.metadata).toEqual({ format: 'pt' });
    await expect(file.readFloats('count')).rejects.toThrow(
      'expected count of F32, F16, BF16, F64; found I64',
    );
    await expect(file.readFloats('none')).rejects.toThrow(
      'expected none of F32, F16, BF16, F64; found nothing',
    );
    await file.close();
  });
});

describe('a written file', () => {
  it('is read back, byte for byte aligned, whatever the order', async () => {
    const path = join(dir, 'written.safetensors');
    const weights = Float32Array.from([1, -2, 3.5, Math.fround(0.1), 5, 6]);
    await writeSafetensors(
      path,
      [
        { name: 'a.weight', type: 'F32', shape: [2, 3], values: async () => weights },
        { name: 'a.count', type: 'I64', shape: [], values: async () => BigInt64Array.of(9n) },
      ],
      { format: 'pt' },
    );
    const file = await SafetensorsFile.open(path);
    expect([...(await file.readFloats('a.weight'))]).toEqual([...weights]);
    expect(file.tensors.get('a.count')).toEqual({ type: 'I64', shape: [], begin: 0, end: 8 });
    expect(file.metadata).toEqual({ format: 'pt' });
    await file.close();
    const bytes = await readFile(path);
    expect(bytes.readBigUInt64LE() % 8n).toBe(0n);
    expect(bytes.readBigInt64LE(8 + Number(bytes.readBigUInt64LE()))).toBe(9n);
  });
});

describe('a damaged or hostile file is refused by name of the fault', () => {
  const write = async (header: unknown, dataBytes: number, length?: bigint): Promise<string> => {
    const path = join(dir, 'hostile.safetensors');
    const json = Buffer.isBuffer(header) ? header : Buffer.from(JSON.stringify(header));
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(length ?? BigInt(json.byteLength));
    await writeFile(path, Buffer.concat([start, json, Buffer.alloc(dataBytes)]));
    return path;
  };
  const tensor = (begin: number, end: number, changes: object = {}) => ({
    dtype: 'F32',
    shape: [(end - begin) / 4],
    data_offsets: [begin, end],
    ...changes,
  });

  it.each<[string, unknown, number, RegExp, bigint?]>([
    [
      'a header past the end',
      {},
      0,
      /header within the file's 10 bytes; found a length of 11$|length of 11\./,
      11n,
    ],
    [
      'a header of 2^63 bytes',
      {},
      0,
      /at most 100000000 bytes; found a length of 9223372036854775808/,
      2n ** 63n,
    ],
    ['a header that is no JSON', Buffer.from('{"a":'), 0, /header of JSON; found/],
    ['a header that is no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 0, /header of JSON; found/],
    ['a header that is a list', [], 0, /JSON object; found an array/],
    ['metadata that is no text', { __metadata__: { a: 1 } }, 0, /__metadata__ of texts/],
    ['a tensor that is no object', { a: null }, 0, /describes a; found null/],
    ['an unknown dtype', { a: tensor(0, 8, { dtype: 'F31' }) }, 8, /known dtype of a; found "F31"/],
    ['a dtype of the prototype', { a: tensor(0, 8, { dtype: 'constructor' }) }, 8, /known dtype of a/],
    [
      'a negative length',
      { a: tensor(0, 8, { shape: [-2] }) },
      8,
      /shape of a of whole numbers; found \[-2\]/,
    ],
    ['a length of a half', { a: tensor(0, 8, { shape: [0.5] }) }, 8, /shape of a of whole numbers/],
    ['no shape', { a: tensor(0, 8, { shape: undefined }) }, 8, /shape of a .*found nothing/],
    ['a size that overflows', { a: tensor(0, 8, { shape: [2 ** 52, 2 ** 52] }) }, 8, /bytes of a, F32/],
    [
      'a size unlike its offsets',
      { a: tensor(0, 8, { shape: [3] }) },
      8,
      /12 bytes of a, F32 \[3\]; found data_offsets \[0, 8\]/,
    ],
    ['offsets in reverse', { a: tensor(8, 0, { shape: [2] }) }, 8, /8 bytes of a/],
    ['one offset', { a: tensor(0, 8, { data_offsets: [0] }) }, 8, /two data_offsets of a/],
    [
      'an overlap',
      { a: tensor(0, 8), b: tensor(4, 12) },
      12,
      /b to begin at byte 8; found an overlap: it begins at 4/,
    ],
    ['a gap', { a: tensor(0, 8), b: tensor(12, 16) }, 16, /b to begin at byte 8; found a gap/],
    [
      'tensors beyond the file',
      { a: tensor(0, 4000) },
      8,
      /4000 bytes of tensors, as the header says; found 8/,
    ],
    ['bytes of no tensor', { a: tensor(0, 8) }, 12, /8 bytes of tensors, as the header says; found 12/],
  ])('%s', async (_, header, dataBytes, message, length) => {
    const path = await write(header, dataBytes, length);
    const opening = SafetensorsFile.open(path);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toMatchObject({ code: 'safetensors_invalid', fault: 'data' });
  });

  it.each([0, 7])('a file of %i bytes', async (size) => {
    const path = join(dir, 'short.safetensors');
    await writeFile(path, Buffer.alloc(size));
    await expect(SafetensorsFile.open(path)).rejects.toThrow(`at least 8 bytes; found ${size}`);
  });

  it('a missing file', async () => {
    await expect(SafetensorsFile.open(join(dir, 'none'))).rejects.toMatchObject({
      code: 'safetensors_unreadable',
    });
  });
});
