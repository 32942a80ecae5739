import sharp from 'sharp';
import type { ImageFacts } from './decode-messages.js';
import { isPnm, MAX_PIXELS, readPnm } from './pnm.js';

/** Difference between channels that rounding leaves in a grey image whose file holds colours. */
const GREY_TOLERANCE = 2;

/**
 * What an image is, once it has been decoded.
 * @param bytes encoded
 * @param pixels decoded, RGB
 * @throws Error for bytes that hold several images
 */
export async function inspectPixels(bytes: Uint8Array, pixels: Uint8Array): Promise<ImageFacts> {
  const { width, height } = await measure(bytes);
  return { width, height, isGrey: isGrey(pixels) };
}

async function measure(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  if (isPnm(bytes)) return readPnm(bytes);
  const { autoOrient, pages = 1 } = await sharp(bytes, { limitInputPixels: MAX_PIXELS }).metadata();
  // Which of them is meant nobody can tell; an animation counts as several.
  if (pages > 1) throw new Error(`expected one image; found a file of ${pages}`);
  return autoOrient;
}

function isGrey(pixels: Uint8Array): boolean {
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number];
    if (Math.max(r, g, b) - Math.min(r, g, b) > GREY_TOLERANCE) return false;
  }
  return true;
}
