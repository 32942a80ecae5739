import { describe, expect, it } from 'vitest';
import type { ImageEntry } from '../../../../src/ml/data/image-entry.js';
import { drawPairs } from '../../../../src/ml/evaluation/verification/drawn-pairs.js';
import type { PairSet } from '../../../../src/ml/evaluation/verification/pairs.js';

/** `sizes[label]` images of each label. */
const imagesOf = (...sizes: readonly number[]): ImageEntry[] =>
  sizes.flatMap((size, label) =>
    Array.from({ length: size }, (_, i) => ({ path: '', relativePath: `${label}/${i}`, label })),
  );
const named = ({ images, left, right, genuine }: PairSet) =>
  [...genuine].map((same, i) => {
    const pair = [images[left[i] ?? -1], images[right[i] ?? -1]];
    return {
      key: pair
        .map((image) => image?.relativePath)
        .sort()
        .join(' '),
      same,
      labels: pair.map((image) => image?.label),
    };
  });

describe('drawPairs', () => {
  it('draws different pairs, as many as asked for, genuine ones of one identity and impostors of two', () => {
    const pairs = named(drawPairs(imagesOf(6, 1, 9, 4), { genuinePairs: 30, impostorPairs: 40, seed: 1 }));
    expect(new Set(pairs.map(({ key }) => key)).size).toBe(70);
    expect(pairs.filter(({ same }) => same === 1)).toHaveLength(30);
    for (const { same, labels, key } of pairs) {
      expect(labels[0] === labels[1], key).toBe(same === 1);
      expect(key.split(' ')[0]).not.toBe(key.split(' ')[1]);
    }
  });

  it('takes every pair where more are asked for', () => {
    // 3 + 0 + 1 genuine pairs and 3·1 + 3·2 + 1·2 impostor pairs.
    const pairs = named(drawPairs(imagesOf(3, 1, 2), { genuinePairs: 99, impostorPairs: 99, seed: 1 }));
    expect(pairs.filter(({ same }) => same === 1)).toHaveLength(4);
    expect(pairs.filter(({ same }) => same === 0)).toHaveLength(11);
    expect(new Set(pairs.map(({ key }) => key)).size).toBe(15);
  });

  it('follows its seed, not the order of the images, and mixes both kinds', () => {
    const images = imagesOf(5, 5, 5);
    const draw = (seed: number, of = images) =>
      named(drawPairs(of, { genuinePairs: 10, impostorPairs: 10, seed }));
    expect(draw(1)).toEqual(draw(1, [...images].reverse()));
    expect(draw(1)).not.toEqual(draw(2));
    const halves = draw(1)
      .slice(0, 10)
      .filter(({ same }) => same === 1).length;
    expect(halves).toBeGreaterThan(1);
    expect(halves).toBeLessThan(9);
  });

  it('draws every pair about as often as any other', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 3000; seed += 1) {
      for (const { key } of named(drawPairs(imagesOf(4, 2), { genuinePairs: 1, impostorPairs: 1, seed }))) {
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    // 7 genuine and 8 impostor pairs; five standard deviations around 3000/7 and 3000/8.
    expect(counts.size).toBe(15);
    expect(Math.min(...counts.values())).toBeGreaterThan(3000 / 8 - 90);
    expect(Math.max(...counts.values())).toBeLessThan(3000 / 7 + 96);
  });

  it('refuses images of which no pair can be made', () => {
    expect(() => drawPairs(imagesOf(1), { genuinePairs: 5, impostorPairs: 5, seed: 1 })).toThrow(
      'at least one pair',
    );
    expect(() => drawPairs([], { genuinePairs: 5, impostorPairs: 5, seed: 1 })).toThrow('at least one pair');
  });
});
