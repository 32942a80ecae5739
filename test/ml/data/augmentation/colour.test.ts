import { describe, expect, it } from 'vitest';
import { changeColour } from '../../../../src/ml/data/augmentation/colour.js';
import { toGrey } from '../../../../src/ml/data/augmentation/grey.js';
import { turnHue } from '../../../../src/ml/data/augmentation/hue.js';
import { motley } from './small-images.js';

const SAME = { brightness: 1, contrast: 1, saturation: 1, hue: 0 };
const changed = (pixels: number[], change: Partial<typeof SAME>) => [
  ...changeColour(Uint8Array.from(pixels), { ...SAME, ...change }),
];
const turned = (pixels: number[], turns: number) => {
  const image = Uint8Array.from(pixels);
  turnHue(image, turns);
  return [...image];
};

describe('changeColour', () => {
  it('changes nothing at factors of 1, and never the image it is given', () => {
    const image = motley(4);
    const before = [...image];
    expect([...changeColour(image, SAME)]).toEqual(before);
    changeColour(image, { brightness: 0.5, contrast: 2, saturation: 0, hue: 0.3 });
    expect([...image]).toEqual(before);
  });

  it('brightness multiplies, held to 255', () => {
    expect(changed([10, 100, 200], { brightness: 1.5 })).toEqual([15, 150, 255]);
    expect(changed([10, 100, 200], { brightness: 0 })).toEqual([0, 0, 0]);
  });

  it('contrast stretches about the mean grey', () => {
    // The greys are 50 and 150, so the mean is 100.
    expect(changed([50, 50, 50, 150, 150, 150], { contrast: 1.5 })).toEqual([25, 25, 25, 175, 175, 175]);
    expect(changed([50, 50, 50, 150, 150, 150], { contrast: 0 })).toEqual([100, 100, 100, 100, 100, 100]);
    expect(changed([0, 0, 0, 255, 255, 255], { contrast: 2 })).toEqual([0, 0, 0, 255, 255, 255]);
  });

  it('saturation stretches about the grey of the colour: 0.299 R + 0.587 G + 0.114 B', () => {
    // 29.9 + 58.7 · 0 + 0 = 29.9
    expect(changed([100, 0, 0], { saturation: 0 })).toEqual([30, 30, 30]);
    // 29.9 + 1.5 · (100 − 29.9) = 135.05; 29.9 − 1.5 · 29.9 = −14.95
    expect(changed([100, 0, 0], { saturation: 1.5 })).toEqual([135, 0, 0]);
    expect(changed([80, 80, 80], { saturation: 2 })).toEqual([80, 80, 80]);
  });
});

describe('turnHue', () => {
  it('turns red to green to blue by thirds, and to yellow by a sixth', () => {
    expect(turned([200, 0, 0], 1 / 3)).toEqual([0, 200, 0]);
    expect(turned([200, 0, 0], 2 / 3)).toEqual([0, 0, 200]);
    expect(turned([200, 0, 0], -1 / 3)).toEqual([0, 0, 200]);
    expect(turned([200, 0, 0], 1 / 6)).toEqual([200, 200, 0]);
    expect(turned([200, 0, 0], 1 / 12)).toEqual([200, 100, 0]);
  });

  it('keeps the largest and the smallest value, greys, and everything after a whole turn', () => {
    expect(turned([60, 20, 40], 0.5)).toEqual([20, 60, 40]);
    expect(turned([7, 7, 7, 0, 0, 0, 255, 255, 255], 0.4)).toEqual([7, 7, 7, 0, 0, 0, 255, 255, 255]);
    const image = [...motley(6)];
    expect(turned(image, 1)).toEqual(image);
    for (let i = 0; i < image.length; i += 3) {
      const after = turned(image.slice(i, i + 3), 0.21);
      expect(Math.max(...after)).toBe(Math.max(...image.slice(i, i + 3)));
      expect(Math.min(...after)).toBe(Math.min(...image.slice(i, i + 3)));
    }
  });
});

describe('toGrey', () => {
  it('weighs the channels and repeats the result', () => {
    // 0.299 · 100 + 0.587 · 50 + 0.114 · 200 = 82.05
    expect([...toGrey(Uint8Array.of(100, 50, 200, 255, 255, 255))]).toEqual([82, 82, 82, 255, 255, 255]);
  });
});
