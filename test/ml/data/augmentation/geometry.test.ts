import { describe, expect, it } from 'vitest';
import { gaussianBlur } from '../../../../src/ml/data/augmentation/blur.js';
import { randomResizedCrop } from '../../../../src/ml/data/augmentation/crop.js';
import { eraseRectangle } from '../../../../src/ml/data/augmentation/erasing.js';
import { drawRectangle } from '../../../../src/ml/data/augmentation/random-rectangle.js';
import { createRandom, type Random } from '../../../../src/ml/data/random.js';
import { greyImage, greysOf, motley } from './small-images.js';

/** Gives these numbers, one after another, as `next`; `integer` follows from them. */
function scripted(...numbers: number[]): Random {
  const next = () => {
    const value = numbers.shift();
    if (value === undefined) throw new Error('drew more often than expected');
    return value;
  };
  return {
    ...createRandom(1),
    next,
    normal: next,
    shuffle: (items) => [...items],
    integer: (limit) => Math.floor(next() * limit),
  };
}

describe('drawRectangle', () => {
  it('draws area, aspect ratio and place', () => {
    // Area ¼ of 64 = 16, aspect ratio exp(ln ¼) = ¼: 2 by 8; left of 0 … 6, top of 0 … 0.
    const range = { minArea: 0.25, maxArea: 1, minAspectRatio: 0.25 };
    expect(drawRectangle(8, range, scripted(0, 0, 0.9, 0.5))).toEqual({
      width: 2,
      height: 8,
      left: 6,
      top: 0,
    });
    // The other end of the ratio: 8 by 2.
    expect(drawRectangle(8, range, scripted(0, 1, 0.9, 0.5))).toEqual({
      width: 8,
      height: 2,
      left: 0,
      top: 3,
    });
  });

  it('tries again when a shape does not fit, and gives up after ten', () => {
    const range = { minArea: 0.25, maxArea: 1, minAspectRatio: 0.25 };
    const misfit = [1, 0];
    expect(drawRectangle(8, range, scripted(...misfit, 0, 0.5, 0, 0))).toEqual({
      width: 4,
      height: 4,
      left: 0,
      top: 0,
    });
    expect(drawRectangle(8, range, scripted(...new Array(10).fill(misfit).flat()))).toBeNull();
  });

  it('spreads area and shape as asked, wide as often as tall', () => {
    const random = createRandom(5);
    const range = { minArea: 0.1, maxArea: 0.5, minAspectRatio: 0.5 };
    const drawn = Array.from(
      { length: 4000 },
      () => drawRectangle(100, range, random) ?? { width: 0, height: 0 },
    );
    const mean = drawn.reduce((sum, { width, height }) => sum + (width * height) / 1e4, 0) / drawn.length;
    expect(Math.abs(mean - 0.3)).toBeLessThan(0.01);
    const wide = drawn.filter(({ width, height }) => width > height).length;
    const tall = drawn.filter(({ width, height }) => width < height).length;
    expect(Math.abs(wide - tall)).toBeLessThan(260);
  });
});

describe('randomResizedCrop', () => {
  it('scales what it cuts out to the whole', () => {
    const image = greyImage([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const quarter = { minArea: 0.0625, maxArea: 0.0625, minAspectRatio: 1 };
    // One pixel, in column 2 of row 3.
    expect(greysOf(randomResizedCrop(image, 4, quarter, scripted(0, 0, 0.5, 0.75)))).toEqual(
      new Array(16).fill(15),
    );
  });
});

describe('gaussianBlur', () => {
  it('spreads a point by the normal density, and keeps the sum', () => {
    const image = greyImage(Array.from({ length: 121 }, (_, i) => (i === 60 ? 255 : 0)));
    const blurred = greysOf(gaussianBlur(image, 11, 1));
    // w(0) = 0.3991, w(1) = 0.2420 with the tail beyond 3σ cut off: 255 · w(0)², 255 · w(0) w(1), 255 · w(1)².
    expect([blurred[60], blurred[61], blurred[71], blurred[72]]).toEqual([41, 25, 25, 15]);
    expect(Math.abs(blurred.reduce((a, b) => a + b, 0) - 255)).toBeLessThan(25);
  });

  it('leaves a plain image plain up to its border, and one with a tiny sigma as it is', () => {
    expect(gaussianBlur(greyImage(new Array(25).fill(90)), 5, 3)).toEqual(greyImage(new Array(25).fill(90)));
    expect(gaussianBlur(motley(6), 6, 0.1)).toEqual(motley(6));
  });
});

describe('eraseRectangle', () => {
  it('covers its rectangle with noise and nothing else', () => {
    const image = greyImage(new Array(16).fill(100));
    const range = { minArea: 0.25, maxArea: 0.25, minAspectRatio: 1 };
    const noise = [0, 0.5, 0.999, 0.1, 0.2, 0.3, 0, 0, 0, 0.9, 0.9, 0.9];
    const erased = eraseRectangle(image, 4, range, scripted(0, 0, 0.4, 0.7, ...noise));
    // 2 by 2 at column 1, row 2.
    const expected = Uint8Array.from(image);
    expected.set([0, 128, 255, 25, 51, 76], 3 * 9);
    expected.set([0, 0, 0, 230, 230, 230], 3 * 13);
    expect(erased).toEqual(expected);
    expect(image).toEqual(greyImage(new Array(16).fill(100)));
  });
});
