import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/ml/data/decode-image.js';
import { plainPng, pngOf, type Rgb } from './image-files.js';

const RED: Rgb = [255, 0, 0];
const GREEN: Rgb = [0, 255, 0];
const BLUE: Rgb = [0, 0, 255];
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];

const photo = (colour: Rgb) => {
  const [r, g, b] = colour;
  return sharp({ create: { width: 16, height: 16, channels: 3, background: { r, g, b } } });
};
const pixelsOf = (data: Uint8Array): number[][] =>
  Array.from({ length: data.length / 3 }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)]);

/** Expects every pixel of a decoded image to be a colour, give or take a lossy format's rounding. */
async function expectPlain(bytes: Uint8Array, colour: Rgb, tolerance: number): Promise<void> {
  const data = await decodeImage(bytes, 8);
  expect(data).toHaveLength(8 * 8 * 3);
  for (const pixel of pixelsOf(data)) {
    pixel.forEach((value, channel) => {
      expect(Math.abs(value - (colour[channel] ?? 0))).toBeLessThanOrEqual(tolerance);
    });
  }
}

/** A picture with detail, so that cutting its file cuts off pixels. */
const detailed = () =>
  sharp(Buffer.from(Array.from({ length: 200 * 200 * 3 }, (_, i) => (i * i * 7919) % 251)), {
    raw: { width: 200, height: 200, channels: 3 },
  });

describe('decodeImage on each format', () => {
  it.each(['jpeg', 'png', 'webp', 'tiff', 'avif'] as const)('reads %s', async (format) => {
    await expectPlain(await photo([200, 100, 50]).toFormat(format).toBuffer(), [200, 100, 50], 4);
  });

  it.each([
    ['P5, grey in three channels', 'P5 2 2 255\n', [77, 77, 77, 77], [77, 77, 77]],
    ['P6', 'P6 1 1 255\n', [10, 20, 30], [10, 20, 30]],
    ['P2', 'P2 1 1 255 99', [], [99, 99, 99]],
    ['P3', 'P3 1 1 255 1 2 3', [], [1, 2, 3]],
    ['16-bit P5', 'P5 1 1 65535\n', [0x80, 0x80], [128, 128, 128]],
  ] as const)('reads %s', async (_, header, samples, colour) => {
    await expectPlain(Buffer.concat([Buffer.from(header), Buffer.from(samples)]), colour, 0);
  });

  it('places the pixels of a PNG row by row, RGB', async () => {
    const data = await decodeImage(await pngOf(2, [RED, GREEN, BLUE, WHITE]), 2);
    expect(pixelsOf(data)).toEqual([RED, GREEN, BLUE, WHITE]);
  });
});

describe('decodeImage on each kind of pixel', () => {
  it('scales 16 bits to 8, rather than clip them', async () => {
    const words = Uint16Array.from(Array.from({ length: 64 }, () => [0x4080, 0x8040, 0xffff]).flat());
    const raw = { width: 8, height: 8, channels: 3 } as const;
    const png = await sharp(words, { raw }).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    await expectPlain(png, [0x40, 0x80, 0xff], 1);
  });

  it('scales 16-bit grey', async () => {
    const words = new Uint16Array(64).fill(0x4080);
    const raw = { width: 8, height: 8, channels: 1 } as const;
    const png = await sharp(words, { raw }).toColourspace('grey16').png().toBuffer();
    expect(await sharp(png).metadata()).toMatchObject({ depth: 'ushort', channels: 1 });
    await expectPlain(png, [0x40, 0x40, 0x40], 1);
  });

  it('gives grey JPEGs three equal channels', async () => {
    const jpeg = await photo([90, 90, 90]).toColourspace('b-w').jpeg().toBuffer();
    expect((await sharp(jpeg).metadata()).channels).toBe(1);
    await expectPlain(jpeg, [90, 90, 90], 1);
  });

  it('converts CMYK to the red that it prints', async () => {
    const jpeg = await photo([200, 50, 50]).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    // Ink reaches fewer colours than a screen, so only the neighbourhood comes back.
    await expectPlain(jpeg, [200, 50, 50], 30);
  });

  it('lays transparency over black', async () => {
    const create = (alpha: number) =>
      sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 200, g: 100, b: 50, alpha } } });
    await expectPlain(await create(1).png().toBuffer(), [200, 100, 50], 0);
    await expectPlain(await create(0.5).png().toBuffer(), [100, 50, 25], 1);
    await expectPlain(await create(0).png().toBuffer(), BLACK, 0);
    await expectPlain(await create(0.5).toColourspace('b-w').png().toBuffer(), [58, 58, 58], 8);
  });
});

describe('decodeImage on shape and orientation', () => {
  it.each([
    [1, [RED, GREEN, BLUE, WHITE]],
    [2, [GREEN, RED, WHITE, BLUE]],
    [3, [WHITE, BLUE, GREEN, RED]],
    [6, [BLUE, RED, WHITE, GREEN]],
    [8, [GREEN, WHITE, RED, BLUE]],
  ] as const)('turns the picture as EXIF orientation %d says', async (orientation, expected) => {
    // Four blocks of 16 pixels, the size of a JPEG's own, so that each keeps its colour.
    const blocks = Array.from({ length: 32 * 32 }, (_, i): Rgb => {
      const [right, lower] = [i % 32 >= 16, i >= 512];
      return lower ? (right ? WHITE : BLUE) : right ? GREEN : RED;
    });
    const jpeg = await sharp(await pngOf(32, blocks))
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .withMetadata({ orientation })
      .toBuffer();
    const pixels = pixelsOf(await decodeImage(jpeg, 32));
    const corners = [8 * 32 + 8, 8 * 32 + 24, 24 * 32 + 8, 24 * 32 + 24].map((at) => pixels[at] ?? []);
    expect(corners.map((pixel) => pixel.map((value) => Math.round(value / 255) * 255))).toEqual(expected);
  });

  it('fits a wide image between bars of black, whole and undistorted', async () => {
    const pixels = pixelsOf(
      await decodeImage(await pngOf(4, [RED, RED, BLUE, BLUE, RED, RED, BLUE, BLUE]), 4),
    );
    const rows = [0, 1, 2, 3].map((y) => pixels.slice(4 * y, 4 * y + 4));
    expect(rows).toEqual([
      [BLACK, BLACK, BLACK, BLACK],
      [RED, RED, BLUE, BLUE],
      [RED, RED, BLUE, BLUE],
      [BLACK, BLACK, BLACK, BLACK],
    ]);
  });

  it('fits a tall image, and a tall one turned wide by EXIF', async () => {
    const tall = await pngOf(2, new Array<Rgb>(8).fill(WHITE));
    const columns = (data: Uint8Array) => pixelsOf(data).slice(4, 8);
    expect(columns(await decodeImage(tall, 4))).toEqual([BLACK, WHITE, WHITE, BLACK]);
    const turned = await sharp(await plainPng(WHITE, 16))
      .resize(8, 16, { fit: 'fill' })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect(pixelsOf(await decodeImage(turned, 4)).slice(0, 4)).toEqual([BLACK, BLACK, BLACK, BLACK]);
  });

  it('takes a single pixel, and a line of one by a thousand', async () => {
    await expectPlain(await pngOf(1, [GREEN]), GREEN, 0);
    const line = pixelsOf(await decodeImage(await pngOf(1000, new Array<Rgb>(1000).fill(WHITE)), 8));
    expect(line.filter(([value]) => value === 255)).toHaveLength(8);
  });

  it('scales a whole image down rather than cut it', async () => {
    const quarters = Array.from({ length: 64 * 64 }, (_, i): Rgb => (i % 64 < 32 ? RED : BLUE));
    const pixels = pixelsOf(await decodeImage(await pngOf(64, quarters), 8));
    expect([pixels[0], pixels[7], pixels[56], pixels[63]]).toEqual([RED, BLUE, RED, BLUE]);
  });
});

describe('decodeImage on broken files', () => {
  it('refuses an empty file and a text by any name', async () => {
    await expect(decodeImage(new Uint8Array(), 8)).rejects.toThrow('expected an image; found an empty file');
    await expect(decodeImage(Buffer.from('these are words'), 8)).rejects.toThrow('unsupported image format');
    await expect(decodeImage(Buffer.from('P5 these are words'), 8)).rejects.toThrow('expected a width');
  });

  it.each(['jpeg', 'png', 'webp', 'tiff', 'avif'] as const)('refuses a %s cut in half', async (format) => {
    const bytes = await detailed().toFormat(format).toBuffer();
    await expect(decodeImage(bytes, 8)).resolves.toHaveLength(192);
    await expect(decodeImage(bytes.subarray(0, bytes.length >> 1), 8)).rejects.toThrow();
  });

  it('refuses a PNG with a byte changed', async () => {
    const bytes = await detailed().png().toBuffer();
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    await expect(decodeImage(bytes, 8)).rejects.toThrow();
  });

  it('refuses a header of too many pixels', async () => {
    const bytes = await photo(RED).jpeg({ progressive: false }).toBuffer();
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    bytes.writeUInt16BE(60_000, frame + 5);
    bytes.writeUInt16BE(60_000, frame + 7);
    await expect(decodeImage(bytes, 8)).rejects.toThrow('exceeds pixel limit');
    await expect(decodeImage(Buffer.from('P5 60000 60000 255\n'), 8)).rejects.toThrow(
      'at most 50000000 pixels',
    );
  });

  it('lets stray bytes after the picture pass', async () => {
    const bytes = Buffer.concat([await photo(RED).jpeg().toBuffer(), Buffer.from('stray bytes')]);
    await expect(decodeImage(bytes, 8)).resolves.toHaveLength(192);
  });
});
