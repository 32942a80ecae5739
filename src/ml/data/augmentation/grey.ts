import { clamping, greyOf, type Pixels } from './pixels.js';

/** The image without colour, as three equal channels. */
export function toGrey(pixels: Pixels): Pixels {
  const grey = new Uint8Array(pixels.length);
  const target = clamping(grey);
  for (let i = 0; i < pixels.length; i += 3) {
    target[i] = greyOf(pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number);
    target[i + 1] = target[i + 2] = target[i] as number;
  }
  return grey;
}
