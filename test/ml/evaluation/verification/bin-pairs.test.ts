import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImageBytes } from '../../../../src/ml/data/read-image-bytes.js';
import { readBinPairs } from '../../../../src/ml/evaluation/verification/bin-pairs.js';
import { readPickle } from '../../../../src/ml/evaluation/verification/pickle-reader.js';
import { folderOf } from '../../data/image-files.js';

async function fileOf(bytes: Uint8Array): Promise<string> {
  return join(await folderOf({ 'pairs.bin': bytes }), 'pairs.bin');
}
const base64 = (text: string) => Buffer.from(text, 'base64');

/** What `pickle.dumps(([b'ab', b'cde'], [True]), protocol)` of Python 3.13 writes. */
const PYTHON_3 = {
  3: 'gANdcQAoQwJhYnEBQwNjZGVxAmVdcQOIYYZxBC4=',
  4: 'gASVFgAAAAAAAABdlChDAmFilEMDY2RllGVdlIhhhpQu',
  5: 'gAWVFgAAAAAAAABdlChDAmFilEMDY2RllGVdlIhhhpQu',
};
/** The same as Python 2 writes it in protocol 2: its strings are buffers, short and long. */
const PYTHON_2 = Buffer.from(
  '\x80\x02]q\x01(U\x02abq\x02T\x03\0\0\0cdeq\x03e]q\x04\x88a\x86q\x05.',
  'latin1',
);

async function readBoth(bytes: Uint8Array): Promise<string[]> {
  const { images } = readBinPairs(await fileOf(bytes));
  return Promise.all(images.map(async (image) => (await readImageBytes(image)).toString()));
}

describe('readBinPairs', () => {
  it.each(Object.entries(PYTHON_3))('reads what Python 3 writes in protocol %s', async (_, text) => {
    const pairs = readBinPairs(await fileOf(base64(text)));
    expect([...pairs.left, ...pairs.right, ...pairs.genuine]).toEqual([0, 1, 1]);
    expect(pairs.images.map(({ relativePath }) => relativePath)).toEqual(['pairs.bin#0', 'pairs.bin#1']);
    expect(await readBoth(base64(text))).toEqual(['ab', 'cde']);
  });

  it('reads what Python 2 writes, and bytearrays', async () => {
    expect(await readBoth(PYTHON_2)).toEqual(['ab', 'cde']);
    const bytearrays = 'gAWVIgAAAAAAAABdlCiWAgAAAAAAAABhYpSWAQAAAAAAAABjlGVdlIlhhpQu';
    expect(await readBoth(base64(bytearrays))).toEqual(['ab', 'c']);
  });

  it('reads buffers larger than its window, where they lie', async () => {
    const large = Buffer.alloc(200_000, 7);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(large.length);
    const bytes = Buffer.concat([
      Buffer.from('\x80\x03](B', 'latin1'),
      length,
      large,
      Buffer.from('C\x01xe]\x89a\x86.', 'latin1'),
    ]);
    const pairs = readBinPairs(await fileOf(bytes));
    expect(pairs.images.map(({ range }) => range?.length)).toEqual([200_000, 1]);
    expect((await readBoth(bytes))[1]).toBe('x');
    expect([...pairs.genuine]).toEqual([0]);
  });

  it.each([
    [
      'a call that its bytes name, protocol 2',
      'gAJjcG9zaXgKc3lzdGVtCnEAWAoAAABlY2hvIHB3bmVkcQGFcQJScQMu',
      'GLOBAL posix.system (0x63)',
    ],
    [
      'a call that its bytes name, protocol 4',
      'gASVJQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAplY2hvIHB3bmVklIWUUpQu',
      'SHORT_BINUNICODE "posix" (0x8c)',
    ],
    [
      'bytes of Python 3 in protocol 2, which a call makes',
      'gAJdcQAoY19jb2RlY3MKZW5jb2RlCnEBWAIAAABhYnECWAYAAABsYXRpbjFxA4ZxBFJxBWgBWAMAAABjZGVxBmgDhnEHUnEIZV1xCYhhhnEKLg==',
      'GLOBAL _codecs.encode (0x63)',
    ],
  ])('refuses %s, by name', async (_, text, name) => {
    const path = await fileOf(base64(text));
    expect(() => readBinPairs(path)).toThrow(`Expected a pickle of buffers and booleans only; found ${name}`);
  });

  it.each([
    ['R', 'REDUCE'],
    ['b', 'BUILD'],
    ['i', 'INST'],
    ['\x81', 'NEWOBJ'],
    ['\x93', 'STACK_GLOBAL'],
    ['\x82', 'EXT1'],
    ['P', 'PERSID'],
    ['}', 'EMPTY_DICT'],
    ['\xff', 'an opcode that pairs do not need'],
  ])('refuses the opcode %j as %s', async (opcode, name) => {
    const path = await fileOf(Buffer.from(`\x80\x02]${opcode}`, 'latin1'));
    expect(() => readPickle(path)).toThrow(`found ${name} (0x`);
  });

  it.each([
    ['nothing', '', 'the end of the file'],
    ['no end', '\x80\x02]', 'the end of the file'],
    ['a buffer longer than the file', '\x80\x03B\xff\xff\xff\xff', 'the end of the file'],
    ['a buffer longer than any file', '\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff', 'the end of the file'],
    ['a list to append to that is missing', '\x88a.', 'no list to append to'],
    ['a mark that is missing', ']e.', 'a mark missing from the stack'],
    ['a value that is missing', '\x86.', 'a value missing from the stack'],
    ['a memory that is missing', 'h\x07.', 'nothing remembered as 7'],
    ['values left over', ']].', '1 values too many'],
    ['a protocol to come', '\x80\x06].', 'the protocol 6'],
  ])('refuses %s', async (_, text, found) => {
    const path = await fileOf(Buffer.from(text, 'latin1'));
    expect(() => readPickle(path)).toThrow(`Expected a whole pickle; found ${found}`);
  });

  it.each([
    ['a list in itself', ']q\x01h\x01a.', 'Expected two lists; found fewer.'],
    ['a number', 'K\x05.', 'Expected the pickle to be a list or tuple; found a number.'],
    ['numbers for images', ']K\x01a]\x88a\x86.', 'Expected the bytes of an image; found a number at 0.'],
    ['too few images', ']C\x01aa]\x88a\x86.', 'Expected two images for each of 1 booleans; found 1 images.'],
    ['numbers above 1 for booleans', ']]K\x02a\x86.', 'Expected a boolean; found a number at 0'],
    ['no pairs', ']]\x86.', 'Expected at least one pair; found none.'],
  ])('refuses %s', async (_, text, message) => {
    const path = await fileOf(Buffer.from(text, 'latin1'));
    expect(() => readBinPairs(path)).toThrow(message);
  });
});
