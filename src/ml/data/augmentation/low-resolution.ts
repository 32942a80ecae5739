import type { Pixels } from './pixels.js';
import { resample } from './resample.js';

/** Scales an image down to a share of its side and up again: what a camera far away would have seen. */
export function lowerResolution(pixels: Pixels, size: number, scale: number): Pixels {
  const small = Math.max(1, Math.round(size * scale));
  const whole = (side: number) => ({ left: 0, top: 0, width: side, height: side });
  return resample(resample(pixels, size, whole(size), whole(small)), small, whole(small), whole(size));
}
