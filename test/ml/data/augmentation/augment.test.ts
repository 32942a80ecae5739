import { describe, expect, it } from 'vitest';
import { augment } from '../../../../src/ml/data/augmentation/augment.js';
import {
  type AugmentationSettings,
  changesPixels,
  DEFAULT_AUGMENTATION,
} from '../../../../src/ml/data/augmentation/augmentation-settings.js';
import { ImageSeeds } from '../../../../src/ml/data/augmentation/image-seed.js';
import { motley } from './small-images.js';

const SIZE = 16;
type Kind = Exclude<keyof AugmentationSettings, 'flip'>;
const KINDS: readonly Kind[] = ['crop', 'lowResolution', 'blur', 'colour', 'grey', 'erasing'];

const settingsOf = (kind: Kind, fields: Record<string, number>): AugmentationSettings => ({
  ...DEFAULT_AUGMENTATION,
  [kind]: { ...DEFAULT_AUGMENTATION[kind], ...fields },
});
/** What sixteen seeds make of an image. */
const outcomes = (settings: AugmentationSettings) =>
  Array.from({ length: 16 }, (_, seed) => augment(motley(SIZE), SIZE, settings, seed));

describe('augment', () => {
  it('does nothing by default', () => {
    const image = motley(SIZE);
    expect(augment(image, SIZE, DEFAULT_AUGMENTATION, 1)).toBe(image);
    expect(changesPixels(DEFAULT_AUGMENTATION)).toBe(false);
  });

  it.each(KINDS)(
    '%s changes the images it is drawn for, the same for the same seed, and leaves its input',
    (kind) => {
      const image = motley(SIZE);
      const always = settingsOf(kind, { probability: 1 });
      expect(changesPixels(always)).toBe(true);
      expect(augment(image, SIZE, always, 7)).not.toEqual(image);
      expect(image).toEqual(motley(SIZE));
      expect(outcomes(always)).toEqual(outcomes(always));
      if (kind !== 'grey') expect(new Set(outcomes(always).map(String)).size).toBeGreaterThan(4);
    },
  );

  it.each(KINDS)('%s is drawn as often as asked', (kind) => {
    const settings = settingsOf(kind, { probability: 0.3 });
    let changed = 0;
    for (let seed = 0; seed < 2000; seed += 1)
      if (augment(motley(4), 4, settings, seed).some((value, i) => value !== motley(4)[i])) changed += 1;
    // The standard deviation is 20; a drawn crop, scale or colour may come out as no change.
    expect(changed).toBeGreaterThan(380);
    expect(changed).toBeLessThan(700);
  });

  it.each<[Kind, Record<string, number>]>([
    ['crop', { minArea: 0.9 }],
    ['crop', { maxArea: 0.3 }],
    ['crop', { minAspectRatio: 0.3 }],
    ['lowResolution', { minScale: 0.9 }],
    ['lowResolution', { maxScale: 0.3 }],
    ['blur', { minSigma: 1.9 }],
    ['blur', { maxSigma: 0.5 }],
    ['colour', { brightness: 0 }],
    ['colour', { contrast: 0 }],
    ['colour', { saturation: 0 }],
    ['colour', { hue: 0.2 }],
    ['erasing', { minArea: 0.3 }],
    ['erasing', { maxArea: 0.1 }],
    ['erasing', { minAspectRatio: 0.9 }],
  ])('%s is changed by %j', (kind, fields) => {
    const always = settingsOf(kind, { probability: 1 });
    const other = settingsOf(kind, { probability: 1, ...fields });
    expect(outcomes(other)).not.toEqual(outcomes(always));
  });

  it('draws the same for one kind whether another is on', () => {
    // Grey comes after blur: were it to move blur's draws, the grey image would be another.
    const both = { ...settingsOf('blur', { probability: 1 }), grey: { probability: 1 } };
    const blurred = augment(motley(SIZE), SIZE, settingsOf('blur', { probability: 1 }), 3);
    const grey = augment(blurred, SIZE, settingsOf('grey', { probability: 1 }), 3);
    expect(augment(motley(SIZE), SIZE, both, 3)).toEqual(grey);
  });
});

describe('ImageSeeds', () => {
  it('depends on epoch and name, not on the order, and differs each time an image comes again', () => {
    const [forward, backward, nextEpoch] = [new ImageSeeds(1), new ImageSeeds(1), new ImageSeeds(2)];
    const names = Array.from({ length: 500 }, (_, i) => `class/${i}.jpg`);
    const seeds = names.map((name) => forward.next(name));
    expect(
      names
        .toReversed()
        .map((name) => backward.next(name))
        .toReversed(),
    ).toEqual(seeds);
    expect(new Set(seeds).size).toBe(500);
    expect(names.map((name) => nextEpoch.next(name))).not.toEqual(seeds);
    expect(seeds).not.toContain(forward.next('class/0.jpg'));
  });
});
