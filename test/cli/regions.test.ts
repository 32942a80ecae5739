import { describe, expect, it } from 'vitest';
import { gridOf, type Rectangle, randomPatch, splitRegions, strangerRegions } from '../../src/cli/regions.js';
import { createRandom } from '../../src/ml/data/random.js';

function overlap(a: Rectangle, b: Rectangle): boolean {
  return (
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height
  );
}

// The smallest, the largest and an odd photograph of the demo.
const SIZES = [
  [400, 300],
  [1411, 1411],
  [451, 300],
] as const;

describe('regions', () => {
  it.each(SIZES)('never lets a training patch touch a test patch of %i × %i', (width, height) => {
    const { train, test } = splitRegions(width, height);
    const random = createRandom(5);
    const draw = (regions: Rectangle[]) =>
      Array.from({ length: 200 }, (_, i) => randomPatch(regions[i % regions.length] as Rectangle, random));
    const trainPatches = draw(train);
    const touching = draw(test).filter((patch) => trainPatches.some((other) => overlap(patch, other)));
    expect(touching).toEqual([]);
  });

  it('takes a test region in every row and every column', () => {
    const { train, test } = splitRegions(500, 500);
    expect(train).toHaveLength(20);
    expect(test.map(({ top }) => top)).toEqual([0, 100, 200, 300, 400]);
    expect(test.map(({ left }) => left).sort((a, b) => a - b)).toEqual([0, 100, 200, 300, 400]);
  });

  it('covers every pixel of the picture once', () => {
    const area = gridOf(451, 300, 5).reduce((sum, { width, height }) => sum + width * height, 0);
    expect(area).toBe(451 * 300);
  });

  it('keeps a patch square and within its region', () => {
    const region = { left: 10, top: 20, width: 100, height: 75 };
    const random = createRandom(1);
    for (let i = 0; i < 500; i += 1) {
      const { left, top, width, height } = randomPatch(region, random);
      expect(width).toBe(height);
      expect(width).toBeGreaterThanOrEqual(52);
      expect(left).toBeGreaterThanOrEqual(10);
      expect(top).toBeGreaterThanOrEqual(20);
      expect(left + width).toBeLessThanOrEqual(110);
      expect(top + height).toBeLessThanOrEqual(95);
    }
  });

  it('leaves a small stranger whole', () => {
    expect(strangerRegions(102, 102)).toEqual([{ left: 0, top: 0, width: 102, height: 102 }]);
    expect(strangerRegions(512, 512)).toHaveLength(25);
  });
});
