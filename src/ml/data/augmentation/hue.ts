import { clamping, type Pixels } from './pixels.js';

/**
 * Turns every colour on the circle of hues, in place, and keeps its largest and smallest value, that is HSV's value and saturation.
 * @param turns 1 is the whole circle: red → green is 1/3
 */
export function turnHue(pixels: Pixels, turns: number): void {
  const target = clamping(pixels);
  for (let i = 0; i < pixels.length; i += 3) {
    const [red, green, blue] = [pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number];
    const largest = Math.max(red, green, blue);
    const chroma = largest - Math.min(red, green, blue);
    if (chroma === 0) continue;
    const hue = hueOf(red, green, blue) + 6 * turns;
    target[i] = largest - chroma * distance(hue + 5);
    target[i + 1] = largest - chroma * distance(hue + 3);
    target[i + 2] = largest - chroma * distance(hue + 1);
  }
}

/** In sixths of the circle, red at 0; of a colour that is no grey. */
function hueOf(red: number, green: number, blue: number): number {
  const largest = Math.max(red, green, blue);
  const chroma = largest - Math.min(red, green, blue);
  if (largest === red) return (green - blue) / chroma;
  if (largest === green) return (blue - red) / chroma + 2;
  return (red - green) / chroma + 4;
}

/** How far a channel lies below the largest, 0 … 1: a trapezium over the six sixths of the circle. */
function distance(sixths: number): number {
  const place = ((sixths % 6) + 6) % 6;
  return Math.max(0, Math.min(place, 4 - place, 1));
}
