import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/ml/data/decode-image.js';

const red = () => sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } });
/** A picture with detail, so that cutting its file cuts off pixels. */
const detailed = () =>
  sharp(Buffer.from(Array.from({ length: 200 * 200 * 3 }, (_, i) => (i * i * 7919) % 251)), {
    raw: { width: 200, height: 200, channels: 3 },
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
    const bytes = await red().jpeg({ progressive: false }).toBuffer();
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    bytes.writeUInt16BE(60_000, frame + 5);
    bytes.writeUInt16BE(60_000, frame + 7);
    await expect(decodeImage(bytes, 8)).rejects.toThrow('exceeds pixel limit');
    await expect(decodeImage(Buffer.from('P5 60000 60000 255\n'), 8)).rejects.toThrow(
      'at most 50000000 pixels',
    );
  });

  it('lets stray bytes after the picture pass', async () => {
    const bytes = Buffer.concat([await red().jpeg().toBuffer(), Buffer.from('stray bytes')]);
    await expect(decodeImage(bytes, 8)).resolves.toHaveLength(192);
  });
});
