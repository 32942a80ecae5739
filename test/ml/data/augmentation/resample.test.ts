import { describe, expect, it } from 'vitest';
import { lowerResolution } from '../../../../src/ml/data/augmentation/low-resolution.js';
import { resample } from '../../../../src/ml/data/augmentation/resample.js';
import { greyImage, greysOf } from './small-images.js';

const whole = (width: number, height: number) => ({ left: 0, top: 0, width, height });

describe('resample', () => {
  it('leaves an image of the same size as it is', () => {
    const image = Uint8Array.from({ length: 27 }, (_, i) => i * 9);
    expect(resample(image, 3, whole(3, 3), { width: 3, height: 3 })).toEqual(image);
  });

  it('is bilinear where it grows: centres at ¼, ¾ between two pixels', () => {
    // Target centres ¼, ¾, 1¼, 1¾ over source centres ½ and 1½: the outer two lie beyond and take the border.
    const wide = resample(greyImage([0, 100]), 2, whole(2, 1), { width: 4, height: 1 });
    expect(greysOf(wide)).toEqual([0, 25, 75, 100]);
    const tall = resample(greyImage([0, 100]), 1, whole(1, 2), { width: 1, height: 4 });
    expect(greysOf(tall)).toEqual([0, 25, 75, 100]);
  });

  it('averages over what it skips where it shrinks: a triangle over twice the step', () => {
    // 4 → 2: centre 1, reach 2, over centres ½, 1½, 2½ with weights ¾, ¾, ¼ of 1¾.
    const half = resample(greyImage([0, 70, 140, 210]), 4, whole(4, 1), { width: 2, height: 1 });
    expect(greysOf(half)).toEqual([50, 160]);
    expect(greysOf(resample(greyImage([10, 20, 30, 40]), 2, whole(2, 2), { width: 1, height: 1 }))).toEqual([
      25,
    ]);
  });

  it('takes the rectangle only, and each channel by itself', () => {
    const image = Uint8Array.from([...[9, 9, 9], ...[1, 2, 3], ...[9, 9, 9], ...[5, 6, 7]]);
    expect([
      ...resample(image, 2, { left: 1, top: 0, width: 1, height: 2 }, { width: 1, height: 2 }),
    ]).toEqual([1, 2, 3, 5, 6, 7]);
  });
});

describe('lowerResolution', () => {
  it('leaves a plain image plain, and takes a fine pattern away', () => {
    expect(greysOf(lowerResolution(greyImage(new Array(16).fill(77)), 4, 0.5))).toEqual(
      new Array(16).fill(77),
    );
    const board = greyImage(Array.from({ length: 64 }, (_, i) => ((i + (i >> 3)) % 2 === 0 ? 0 : 200)));
    const seen = greysOf(lowerResolution(board, 8, 0.25));
    // Before, all are 0 or 200; the mean is 100.
    expect(Math.max(...seen.map((value) => Math.abs(value - 100)))).toBeLessThan(30);
  });

  it('keeps an image at scale 1, and goes down to a single pixel', () => {
    const image = greyImage([0, 50, 100, 250]);
    expect(lowerResolution(image, 2, 1)).toEqual(image);
    expect(greysOf(lowerResolution(image, 2, 0.01))).toEqual([100, 100, 100, 100]);
  });
});
