import { describe, expect, it } from 'vitest';
import { attributeOf, gapOf, sliceFigures, sliceItems } from '../../../src/ml/evaluation/slices.js';

describe('gapOf', () => {
  it('is the distance of the best and the worst that are known, the first of equals', () => {
    const slices = [
      { value: 'a', figure: 0.5 },
      { value: 'b', figure: null },
      { value: 'c', figure: 0.9 },
      { value: 'd', figure: 0.5 },
    ];
    expect(gapOf(slices)).toEqual({ best: slices[2], worst: slices[0], gap: 0.4 });
    expect(gapOf(slices.slice(0, 2))).toBeNull();
    expect(gapOf([])).toBeNull();
  });
});

describe('sliceItems', () => {
  it('groups by value in the order of values', () => {
    const values = ['z', null, 'a', 'z'];
    const { groups, outside } = sliceItems('light', 4, (item) => values[item] ?? null);
    expect([...groups]).toEqual([
      ['a', [2]],
      ['z', [0, 3]],
    ]);
    expect(outside).toBe(1);
  });

  it('refuses a column without values, and one with too many', () => {
    expect(() => sliceItems('light', 3, () => null)).toThrow(
      'Expected a dataset with the column "light" (sliceBy)',
    );
    expect(() => sliceItems('id', 201, String)).toThrow(
      'Expected at most 200 values in the column "id" (sliceBy); found 201.',
    );
    expect(sliceItems('id', 200, String).groups.size).toBe(200);
  });
});

describe('sliceFigures', () => {
  it('computes each slice and the gaps of its headline', async () => {
    const values = ['a', 'b', 'a'];
    const found = await sliceFigures(
      'light',
      { count: 3, sliceOf: (item) => values[item] ?? null },
      { figures: (items) => ({ sum: items.reduce((a, b) => a + b, 0) }), headline: ({ sum }) => ({ sum }) },
    );
    expect(found.slices).toEqual([
      { value: 'a', figures: { sum: 2 } },
      { value: 'b', figures: { sum: 1 } },
    ]);
    expect(found.gaps.sum).toMatchObject({ best: { value: 'a' }, worst: { value: 'b' }, gap: 1 });
  });
});

describe('attributeOf', () => {
  it('takes an empty value for none', () => {
    const image = { path: '', relativePath: '', label: 0, attributes: { light: 'dark', camera: '' } };
    expect(['light', 'camera', 'none'].map((column) => attributeOf(image, column))).toEqual([
      'dark',
      null,
      null,
    ]);
    expect(attributeOf(undefined, 'light')).toBeNull();
  });
});
