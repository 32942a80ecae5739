import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/ml/data/decode-image.js';
import { plainPng, pngOf, type Rgb } from './image-files.js';

const SIZE = 8;
const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];
/** Of a square of side `SIZE`: the three values at a place. */
const at = (pixels: Uint8Array, x: number, y: number) => [
  ...pixels.subarray(3 * (y * SIZE + x), 3 * (y * SIZE + x) + 3),
];
const expectNear = (found: readonly number[], expected: readonly number[], tolerance: number) => {
  expect(found).toHaveLength(3);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs((found[i] ?? Number.NaN) - value), `${found} beside ${expected}`).toBeLessThanOrEqual(
      tolerance,
    );
  }
};
const solid = (colour: Rgb, size = SIZE) =>
  sharp({
    create: {
      width: size,
      height: size,
      channels: 3,
      background: { r: colour[0], g: colour[1], b: colour[2] },
    },
  });
/** Noise, so that a cut JPEG misses data that counts. */
const noise = (size: number) => {
  const data = Buffer.from(Array.from({ length: size * size * 3 }, (_, i) => (i * 7919 * (i % 31)) % 256));
  return sharp(data, { raw: { width: size, height: size, channels: 3 } });
};

describe('decodeImage', () => {
  it.each(['jpeg', 'png', 'webp', 'tiff', 'avif'] as const)('reads %s', async (format) => {
    const pixels = await decodeImage(await solid([200, 100, 50], 32).toFormat(format).toBuffer(), SIZE);
    expect(pixels).toHaveLength(SIZE * SIZE * 3);
    for (const place of [0, 3, 7]) expectNear(at(pixels, place, 7 - place), [200, 100, 50], 4);
  });

  it.each([
    ['P2', 'P2\n# grey\n2 2\n100\n50 50\n50 50\n', [128, 128, 128]],
    ['P3', 'P3 1 1 255 10 20 30\n', [10, 20, 30]],
  ])('reads %s', async (_, text, expected) => {
    expectNear(at(await decodeImage(Buffer.from(text), SIZE), 4, 4), expected, 1);
  });

  it('reads raw P5 of 16 bits and raw P6', async () => {
    const grey = Buffer.concat([Buffer.from('P5 1 1 65535\n'), Buffer.from([0x80, 0x00])]);
    expectNear(at(await decodeImage(grey, SIZE), 0, 0), [128, 128, 128], 1);
    const colour = Buffer.concat([Buffer.from('P6 1 1 255\n'), Buffer.from([9, 8, 7])]);
    expectNear(at(await decodeImage(colour, SIZE), 7, 7), [9, 8, 7], 1);
  });

  it('keeps channel and place: red left, blue right', async () => {
    const row = [...new Array<Rgb>(4).fill(RED), ...new Array<Rgb>(4).fill(BLUE)];
    const pixels = await decodeImage(await pngOf(SIZE, new Array(SIZE).fill(row).flat()), SIZE);
    expect(at(pixels, 0, 0)).toEqual(RED);
    expect(at(pixels, 3, 7)).toEqual(RED);
    expect(at(pixels, 4, 7)).toEqual(BLUE);
  });

  it('gives a grey image, of 8 bits and of 16, three equal channels', async () => {
    const grey = Buffer.alloc(64, 77);
    const png = await sharp(grey, { raw: { width: 8, height: 8, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).channels).toBe(1);
    expect(at(await decodeImage(png, SIZE), 2, 2)).toEqual([77, 77, 77]);
    const deep = await sharp(png).toColourspace('grey16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expectNear(at(await decodeImage(deep, SIZE), 2, 2), [77, 77, 77], 1);
  });

  it('brings 16-bit colour to 8 bits', async () => {
    const png = await solid([200, 100, 50]).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expectNear(at(await decodeImage(png, SIZE), 5, 5), [200, 100, 50], 1);
  });

  it('brings a CMYK JPEG to RGB', async () => {
    const jpeg = await solid([200, 60, 60], 32).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    expectNear(at(await decodeImage(jpeg, SIZE), 4, 4), [200, 60, 60], 40);
  });

  it('lays transparency over black', async () => {
    const half = { r: 200, g: 100, b: 0, alpha: 0.5 };
    const png = await sharp({ create: { width: 8, height: 8, channels: 4, background: half } })
      .png()
      .toBuffer();
    expectNear(at(await decodeImage(png, SIZE), 4, 4), [100, 50, 0], 2);
  });

  it('turns as EXIF says', async () => {
    const upright = await pngOf(SIZE, [...new Array<Rgb>(32).fill(RED), ...new Array<Rgb>(32).fill(BLUE)]);
    // Orientation 6: stored lying on its left side, so its top is shown on the right.
    const jpeg = await sharp(upright)
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const pixels = await decodeImage(jpeg, SIZE);
    expectNear(at(pixels, 7, 4), RED, 12);
    expectNear(at(pixels, 0, 4), BLUE, 12);
  });

  it('fits another shape on black, whole and undistorted', async () => {
    const wide = await pngOf(16, new Array<Rgb>(16 * 8).fill([255, 255, 255]));
    const pixels = await decodeImage(wide, SIZE);
    for (const y of [0, 1, 6, 7]) expect(at(pixels, 4, y)).toEqual([0, 0, 0]);
    for (const y of [2, 3, 4, 5]) expect(at(pixels, 0, y)).toEqual([255, 255, 255]);
  });

  it('refuses a truncated JPEG and a truncated PNG', async () => {
    for (const whole of [await noise(64).jpeg().toBuffer(), await noise(64).png().toBuffer()]) {
      await expect(decodeImage(whole, SIZE)).resolves.toHaveLength(192);
      await expect(decodeImage(whole.subarray(0, whole.length / 2), SIZE)).rejects.toThrow();
    }
  });

  it('refuses text and an empty file', async () => {
    await expect(decodeImage(Buffer.from('I am no picture at all.'), SIZE)).rejects.toThrow(
      /unsupported image/,
    );
    await expect(decodeImage(Buffer.alloc(0), SIZE)).rejects.toThrow('found an empty file');
  });

  it('refuses more than 50 million pixels by the header', async () => {
    const png = Buffer.from(await plainPng(RED));
    // Width and height of the header chunk; the check sum after it is not what stops the file.
    png.writeUInt32BE(8000, 16);
    png.writeUInt32BE(8000, 20);
    const { crc32 } = await import('node:zlib');
    if (typeof crc32 === 'function') png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    await expect(decodeImage(png, SIZE)).rejects.toThrow(/pixel limit/);
    await expect(decodeImage(Buffer.from('P5 8000 8000 255\n'), SIZE)).rejects.toThrow(
      'at most 50000000 pixels',
    );
  });
});
