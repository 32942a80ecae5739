import { describe, expect, it } from 'vitest';
import { isPnm, readPnm } from '../../../src/ml/data/pnm.js';

const file = (header: string, ...samples: readonly number[]) =>
  Buffer.concat([Buffer.from(header, 'latin1'), Buffer.from(samples)]);
const valuesOf = (bytes: Uint8Array) => [...readPnm(bytes).data];

describe('readPnm', () => {
  it('reads plain grey (P2)', () => {
    const image = readPnm(file('P2\n3 2\n255\n0 10 20\n30 40 255\n'));
    expect({ ...image, data: [...image.data] }).toEqual({
      width: 3,
      height: 2,
      channels: 1,
      data: [0, 10, 20, 30, 40, 255],
    });
  });

  it('reads plain colour (P3)', () => {
    const image = readPnm(file('P3 1 2 255 1 2 3 4 5 6'));
    expect({ ...image, data: [...image.data] }).toEqual({
      width: 1,
      height: 2,
      channels: 3,
      data: [1, 2, 3, 4, 5, 6],
    });
  });

  it('reads raw grey (P5) and colour (P6)', () => {
    expect(valuesOf(file('P5\n2 2\n255\n', 0, 1, 254, 255))).toEqual([0, 1, 254, 255]);
    expect(readPnm(file('P6 2 1 255\n', 9, 8, 7, 6, 5, 4))).toMatchObject({
      width: 2,
      height: 1,
      channels: 3,
    });
    expect(valuesOf(file('P6 2 1 255\n', 9, 8, 7, 6, 5, 4))).toEqual([9, 8, 7, 6, 5, 4]);
  });

  it('takes white space after the header for pixels', () => {
    expect(valuesOf(file('P5 2 1 255\n', 0x20, 0x0a))).toEqual([0x20, 0x0a]);
    expect(valuesOf(file('P5 2 1 255\n', 0x23, 0x31))).toEqual([0x23, 0x31]);
  });

  it('scales other largest values to 255', () => {
    expect(valuesOf(file('P2 3 1 15 0 7 15'))).toEqual([0, 119, 255]);
    expect(valuesOf(file('P5 2 1 1\n', 0, 1))).toEqual([0, 255]);
    expect(valuesOf(file('P2 2 1 100 100 101'))).toEqual([255, 255]);
  });

  it('reads 16 bits, the high byte first', () => {
    expect(valuesOf(file('P5 3 1 65535\n', 0, 0, 0x80, 0x80, 0xff, 0xff))).toEqual([0, 128, 255]);
    expect(valuesOf(file('P5 2 1 1000\n', 0x01, 0xf4, 0x03, 0xe8))).toEqual([128, 255]);
    expect(valuesOf(file('P6 1 1 65535\n', 0xff, 0xff, 0, 0, 0x80, 0x80))).toEqual([255, 0, 128]);
    expect(valuesOf(file('P3 1 1 65535 65535 0 32896'))).toEqual([255, 0, 128]);
  });

  it('skips comments anywhere in the header, also where they touch a number', () => {
    expect(valuesOf(file('P5 # a camera\n# of 1998\n2#wide\n1 255\n', 3, 4))).toEqual([3, 4]);
    expect(valuesOf(file('P2\r\n# dos\r\n2 1\r\n255\r\n3 4\r\n'))).toEqual([3, 4]);
  });

  it.each([
    ['too many pixels', 'P5 50000 50000 255\n', 'at most 50000000 pixels; found a header of 50000 × 50000'],
    ['a width beyond any', 'P5 99999999999999999999 1 255\n', 'a width from 1 to 50000000'],
    ['a width of 0', 'P6 0 1 255\n', 'expected a width from 1 to 50000000; found "0"'],
    ['a negative height', 'P6 1 -1 255\n', 'expected a height from 1 to 50000000; found "-1"'],
    ['a largest value of 0', 'P5 1 1 0\n', 'expected a largest value from 1 to 65535; found "0"'],
    ['a largest value of 70000', 'P5 1 1 70000\n', 'expected a largest value from 1 to 65535; found "70000"'],
    ['a header that ends early', 'P5 12', 'expected a height from 1 to 50000000; found ""'],
    ['a comment that never ends', 'P5 #', 'expected a width from 1 to 50000000; found ""'],
    ['words for numbers', 'P2 two 1 255 1', 'expected a width from 1 to 50000000; found "two"'],
    ['a hexadecimal width', 'P2 0x2 1 255 1', 'found "0x2"'],
    ['another format of the family', 'P4 8 1\n', 'beginning with P2, P3, P5 or P6'],
    ['missing raw pixels', 'P6 2 2 255\nabc', 'expected 12 bytes of pixels; found 3'],
    ['missing 16-bit pixels', 'P5 2 2 256\nabcdefg', 'expected 8 bytes of pixels; found 7'],
    ['no pixels at all', 'P5 2 2 255', 'expected 4 bytes of pixels; found 0'],
    ['missing plain values', 'P2 2 2 255 1 2 3', 'expected 4 values; found 6 bytes'],
    ['long values in place of many', 'P2 2 2 255 100 200 100', 'expected a value from 0 to 65535; found ""'],
    ['a value beyond 16 bits', 'P2 1 1 255 70000', 'expected a value from 0 to 65535; found "70000"'],
  ])('refuses %s', (_, text, message) => {
    expect(() => readPnm(Buffer.from(text))).toThrow(message);
  });

  it('refuses a huge plain header before it takes memory', () => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readPnm(Buffer.from('P3 7000 7000 255 1 2 3'))).toThrow('expected 147000000 values');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
  });

  it('cuts a long token short in its message, and keeps control characters out of it', () => {
    const message = (text: string) => {
      try {
        readPnm(Buffer.from(text, 'latin1'));
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(message(`P5 ${'9'.repeat(5000)} 1 255\n`).length).toBeLessThan(100);
    expect(message('P5 \x00\x1b[2J 1 255\n')).toContain('found "\\u0000\\u001b[2J"');
  });
});

describe('isPnm', () => {
  it('knows the family by its first two bytes', () => {
    expect(['P2 ', 'P3 ', 'P5 ', 'P6 '].every((text) => isPnm(Buffer.from(text)))).toBe(true);
    expect(['', 'P', 'P5', 'P4 ', 'P7 ', 'Q5 ', '\x89PNG'].some((text) => isPnm(Buffer.from(text)))).toBe(
      false,
    );
  });
});
