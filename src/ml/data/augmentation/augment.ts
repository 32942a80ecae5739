import { createRandom, deriveSeed, type Random } from '../random.js';
import type { AugmentationSettings } from './augmentation-settings.js';
import { gaussianBlur } from './blur.js';
import { changeColour } from './colour.js';
import { randomResizedCrop } from './crop.js';
import { eraseRectangle } from './erasing.js';
import { toGrey } from './grey.js';
import { lowerResolution } from './low-resolution.js';
import type { Pixels } from './pixels.js';

/** Streams of random numbers, one per kind, so that turning one on leaves what the others draw. */
const STREAM = { crop: 1, lowResolution: 2, blur: 3, colour: 4, grey: 5, erasing: 6 } as const;

/**
 * Changes an image at random, as the settings and the seed say; mirroring apart, which is done when the pixels are written. First the
 * geometry, then what a camera does, then the colours, and last what lies in front.
 * @param pixels [size, size, 3]; left as they are
 */
export function augment(pixels: Pixels, size: number, settings: AugmentationSettings, seed: number): Pixels {
  const { crop, lowResolution, blur, colour, erasing } = settings;
  let image = pixels;
  const when = (kind: keyof typeof STREAM, change: (random: Random) => Pixels): void => {
    if (settings[kind].probability === 0) return;
    const random = createRandom(deriveSeed(seed, STREAM[kind]));
    if (random.next() < settings[kind].probability) image = change(random);
  };
  when('crop', (random) => randomResizedCrop(image, size, crop, random));
  when('lowResolution', (random) =>
    lowerResolution(image, size, between(lowResolution.minScale, lowResolution.maxScale, random)),
  );
  when('blur', (random) => gaussianBlur(image, size, between(blur.minSigma, blur.maxSigma, random)));
  when('colour', (random) =>
    changeColour(image, {
      brightness: between(1 - colour.brightness, 1 + colour.brightness, random),
      contrast: between(1 - colour.contrast, 1 + colour.contrast, random),
      saturation: between(1 - colour.saturation, 1 + colour.saturation, random),
      hue: between(-colour.hue, colour.hue, random),
    }),
  );
  when('grey', () => toGrey(image));
  when('erasing', (random) => eraseRectangle(image, size, erasing, random));
  return image;
}

function between(least: number, most: number, random: Random): number {
  return least + random.next() * (most - least);
}
