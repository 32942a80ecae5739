import sharp, { type Sharp } from 'sharp';
import { isPnm, MAX_PIXELS, readPnm } from './pnm.js';

// Each decoding thread works on one image at a time; libvips' own threads and cache would only compete.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Decodes an image file's bytes into a square: turned as its EXIF orientation says, in sRGB, transparency over
 * black, grey as three equal channels. Another shape is scaled to fit and centred on black, so that nothing is
 * cut off and nothing is distorted.
 * @param size side of the square, in pixels
 * @returns [size, size, 3], RGB, 0 … 255
 * @throws Error for bytes that are no whole image, or an image of more than 50 million pixels
 */
export async function decodeImage(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  if (bytes.length === 0) throw new Error('expected an image; found an empty file');
  const { data, info } = await openImage(bytes)
    .rotate()
    .flatten({ background: 'black' })
    .toColourspace('srgb')
    .resize(size, size, { fit: 'contain', background: 'black' })
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return data;
  const rgb = new Uint8Array(size * size * 3);
  for (let pixel = 0; pixel < size * size; pixel += 1)
    rgb.fill(data[pixel * info.channels] ?? 0, 3 * pixel, 3 * pixel + 3);
  return rgb;
}

function openImage(bytes: Uint8Array): Sharp {
  if (!isPnm(bytes))
    return sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS, sequentialRead: true });
  const { data, width, height, channels } = readPnm(bytes);
  return sharp(data, { raw: { width, height, channels } });
}
