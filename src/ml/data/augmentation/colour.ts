import { turnHue } from './hue.js';
import { clamping, greyOf, type Pixels } from './pixels.js';

/** Factors of 1 and a hue of 0 leave an image as it is. */
export type ColourChange = {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** In turns of the colour circle. */
  readonly hue: number;
};

/** Brightness, contrast, saturation and hue, in this order, each rounded and held to 0 … 255 as in torchvision's ColorJitter. */
export function changeColour(
  pixels: Pixels,
  { brightness, contrast, saturation, hue }: ColourChange,
): Pixels {
  const changed = Uint8Array.from(pixels);
  if (brightness !== 1) brighten(changed, brightness);
  if (contrast !== 1) stretch(changed, contrast);
  if (saturation !== 1) saturate(changed, saturation);
  if (hue !== 0) turnHue(changed, hue);
  return changed;
}

function brighten(pixels: Pixels, factor: number): void {
  const target = clamping(pixels);
  for (let i = 0; i < pixels.length; i += 1) target[i] = factor * (pixels[i] as number);
}

/** Moves each value away from the image's mean grey, or towards it. */
function stretch(pixels: Pixels, factor: number): void {
  const target = clamping(pixels);
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) sum += greyAt(pixels, i);
  const mean = sum / (pixels.length / 3);
  for (let i = 0; i < pixels.length; i += 1) target[i] = mean + factor * ((pixels[i] as number) - mean);
}

/** Moves each colour away from the grey of its own lightness, or towards it. */
function saturate(pixels: Pixels, factor: number): void {
  const target = clamping(pixels);
  for (let i = 0; i < pixels.length; i += 3) {
    const grey = greyAt(pixels, i);
    for (let channel = i; channel < i + 3; channel += 1)
      target[channel] = grey + factor * ((pixels[channel] as number) - grey);
  }
}

function greyAt(pixels: Pixels, i: number): number {
  return greyOf(pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number);
}
