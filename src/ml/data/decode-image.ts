import sharp, { type Sharp } from 'sharp';
import { alignFace, type RgbImage } from './align.js';
import { cropBox } from './crop-box.js';
import { foreignFormat } from './foreign-format.js';
import type { ImageRegion } from './image-entry.js';
import { isPnm, MAX_PIXELS, readPnm } from './pnm.js';

// Each decoding thread works on one image at a time; libvips' own threads and cache would only compete.
sharp.concurrency(1);
sharp.cache(false);

// libvips reads more formats than a dataset may hold: SVG runs a whole renderer, PDF and others have no place here.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}`),
});

/**
 * Decodes an image file's bytes into a square: turned as its EXIF orientation says, in sRGB, transparency over
 * black, grey as three equal channels. Another shape is scaled to fit and centred on black, so that nothing is
 * cut off and nothing is distorted. A region is cut out of the image in its own resolution: landmarks are brought onto
 * the template, a box is taken with a margin.
 * @param size side of the square, in pixels
 * @returns [size, size, 3], RGB, 0 … 255
 * @throws Error for bytes that are no whole image, an image of more than 50 million pixels, or a region outside it
 */
export async function decodeImage(
  bytes: Uint8Array,
  size: number,
  region?: ImageRegion,
): Promise<Uint8Array> {
  if (bytes.length === 0) throw new Error('expected an image; found an empty file');
  const foreign = foreignFormat(bytes);
  if (foreign !== null) throw new Error(`expected JPEG, PNG, WebP, TIFF, AVIF, PGM or PPM; found ${foreign}`);
  const upright = openImage(bytes).rotate().flatten({ background: 'black' }).toColourspace('srgb');
  if (region === undefined)
    return (await toRgb(upright.resize(size, size, { fit: 'contain', background: 'black' }))).data;
  const image = await toRgb(upright);
  return region.kind === 'landmarks' ? alignFace(image, region.points, size) : cropBox(image, region, size);
}

async function toRgb(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 3) return { data, width, height };
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1)
    rgb.fill(data[pixel * channels] ?? 0, 3 * pixel, 3 * pixel + 3);
  return { data: rgb, width, height };
}

function openImage(bytes: Uint8Array): Sharp {
  if (!isPnm(bytes))
    return sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS, sequentialRead: true });
  const { data, width, height, channels } = readPnm(bytes);
  return sharp(data, { raw: { width, height, channels } });
}
