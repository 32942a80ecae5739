import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/ml/data/decode-image.js';
import { inspectPixels } from '../../../src/ml/data/inspect-pixels.js';

/** Of PNG's chunks; Node's own came with 20.15. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}

const SIDE = 60_000;
const red = () => sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } });

/** Images of 16 × 16 whose headers claim 60,000 × 60,000, or as much as their format can. */
const BOMBS: Readonly<Record<string, () => Promise<Buffer>>> = {
  async png() {
    const bytes = await red().png().toBuffer();
    bytes.writeUInt32BE(SIDE, 16);
    bytes.writeUInt32BE(SIDE, 20);
    bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
    return bytes;
  },
  async tiff() {
    const bytes = await red().tiff({ compression: 'lzw' }).toBuffer();
    const directory = bytes.readUInt32LE(4);
    for (let i = 0; i < bytes.readUInt16LE(directory); i += 1) {
      const tag = directory + 2 + 12 * i;
      // ImageWidth and ImageLength.
      if (![256, 257].includes(bytes.readUInt16LE(tag))) continue;
      bytes.writeUInt16LE(4, tag + 2);
      bytes.writeUInt32LE(SIDE, tag + 8);
    }
    return bytes;
  },
  async avif() {
    const bytes = await red().avif().toBuffer();
    const extents = bytes.indexOf('ispe');
    bytes.writeUInt32BE(SIDE, extents + 8);
    bytes.writeUInt32BE(SIDE, extents + 12);
    return bytes;
  },
  async webp() {
    const bytes = await red().webp({ lossless: true }).toBuffer();
    const stream = bytes.indexOf('VP8L') + 8;
    // After its signature, 14 bits each of width and height, less one.
    bytes.writeUInt32LE((bytes.readUInt32LE(stream + 1) | 0x0fff_ffff) >>> 0, stream + 1);
    return bytes;
  },
};

describe('decodeImage on headers that claim too much', () => {
  it.each(Object.keys(BOMBS))('refuses a %s before it takes memory for it', async (format) => {
    const bytes = await (BOMBS[format] as () => Promise<Buffer>)();
    const before = process.resourceUsage().maxRSS;
    // libwebp refuses such a stream by itself.
    const reason = format === 'webp' ? 'bad image dimensions' : 'exceeds pixel limit';
    await expect(decodeImage(bytes, 8)).rejects.toThrow(reason);
    // The pixels claimed would take 768 MB and more.
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(300);
  });

  it('refuses PGM and PPM, raw and plain', async () => {
    for (const form of ['P2', 'P3', 'P5', 'P6'])
      await expect(decodeImage(Buffer.from(`${form} ${SIDE} ${SIDE} 255\n`), 8)).rejects.toThrow(
        'at most 50000000 pixels',
      );
  });
});

describe('files of several images', () => {
  it.each(['tiff', 'webp'] as const)('of %s are told by their number', async (format) => {
    const frames = await Promise.all(
      ['red', 'blue', 'lime'].map(async (background) =>
        sharp({ create: { width: 16, height: 16, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const bytes = await sharp(frames, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    const pixels = await decodeImage(bytes, 8);
    await expect(inspectPixels(bytes, pixels)).rejects.toThrow('expected one image; found a file of 3');
  });
});

describe('formats that libvips would read', () => {
  it('are refused by name, whatever their ending says', async () => {
    const known = 'expected JPEG, PNG, WebP, TIFF, AVIF, PGM or PPM; found';
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="60000" height="60000"/>';
    await expect(decodeImage(Buffer.from(svg), 8)).rejects.toThrow(`${known} an SVG`);
    await expect(decodeImage(Buffer.from(`\uFEFF \n<!-- x -->${svg}`), 8)).rejects.toThrow(`${known} an SVG`);
    await expect(decodeImage(await red().gif().toBuffer(), 8)).rejects.toThrow(`${known} a GIF`);
  });

  it('are switched off in the library too: an SVG behind two kilobytes of comment', async () => {
    const svg = `<!--${'x'.repeat(2000)}--><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`;
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow('unsupported image format');
  });
});
