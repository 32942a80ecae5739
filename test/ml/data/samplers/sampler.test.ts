import { describe, expect, it } from 'vitest';
import type { ImageEntry } from '../../../../src/ml/data/image-entry.js';
import { createRandom, type Random } from '../../../../src/ml/data/random.js';
import { type SamplerSettings, sampleEpoch } from '../../../../src/ml/data/samplers/sampler.js';

/** So many images of each class, named `label/index`. */
const imagesOf = (...counts: number[]): ImageEntry[] =>
  counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({
      path: `/${label}/${i}`,
      relativePath: `${label}/${i}`,
      label,
    })),
  );
const namesOf = (images: readonly ImageEntry[]) => images.map(({ relativePath }) => relativePath);
const sample = (images: readonly ImageEntry[], settings: Partial<SamplerSettings>, seed = 1) =>
  namesOf(sampleEpoch(images, { shuffle: true, ...settings }, createRandom(seed)));
const pByK = (classesPerBatch: number, imagesPerClass: number) =>
  ({ sampler: 'p-by-k', classesPerBatch, imagesPerClass }) as const;
const tally = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};
const classesOf = (names: readonly string[]) => names.map((name) => name.split('/')[0] as string);

/** Draws that can be followed by hand: nothing is moved by a shuffle, and `integer` counts up. */
function plainRandom(): Random {
  let count = -1;
  const integer = (limit: number) => {
    count += 1;
    return count % limit;
  };
  return { ...createRandom(1), next: () => 0, normal: () => 0, integer, shuffle: (items) => [...items] };
}

describe('each-image', () => {
  it('is the default: each image once, shuffled or in order', () => {
    const images = imagesOf(30, 10);
    expect(sample(images, { shuffle: false })).toEqual(namesOf(images));
    expect(sample(images, {})).not.toEqual(namesOf(images));
    expect(sample(images, {}).sort()).toEqual(namesOf(images).sort());
    expect(sample(images, {})).toEqual(namesOf(createRandom(1).shuffle(images)));
  });
});

describe('class-balanced', () => {
  it('takes the classes that are drawn, and each image of a class before any again', () => {
    const drawn = sampleEpoch(imagesOf(4, 1, 2), { sampler: 'class-balanced', shuffle: true }, plainRandom());
    // Classes 0, 1, 2, 0, …; a pool hands out from its end.
    expect(namesOf(drawn)).toEqual(['0/3', '1/0', '2/1', '0/2', '1/0', '2/0', '0/1']);
  });

  it('draws each class equally often, however large it is', () => {
    const images = imagesOf(9000, 900, 99, 1);
    const names = sample(images, { sampler: 'class-balanced' });
    expect(names).toHaveLength(images.length);
    const counts = tally(classesOf(names));
    // Binomial with n = 10,000 and p = 1/4: the standard deviation is 43.
    for (const label of ['0', '1', '2', '3']) expect(Math.abs((counts[label] ?? 0) - 2500)).toBeLessThan(200);
    const ofTheMiddle = Object.values(tally(names.filter((name) => name.startsWith('2/'))));
    expect(ofTheMiddle).toHaveLength(99);
    expect(Math.max(...ofTheMiddle) - Math.min(...ofTheMiddle)).toBeLessThanOrEqual(1);
  });

  it('draws nothing of nothing', () => {
    expect(sample([], { sampler: 'class-balanced' })).toEqual([]);
  });
});

describe('p-by-k', () => {
  it('takes classes in rounds and K images of each', () => {
    // Three classes in batches of two: the second batch begins with what the first round left over.
    const drawn = sampleEpoch(imagesOf(4, 4, 4), { ...pByK(2, 2), shuffle: true }, plainRandom());
    expect(namesOf(drawn)).toEqual(
      [
        ['0/3', '0/2', '1/3', '1/2'],
        ['2/3', '2/2', '0/1', '0/0'],
        ['1/1', '1/0', '2/1', '2/0'],
      ].flat(),
    );
  });

  it('never has a class or an image twice in a batch while there are enough', () => {
    const images = imagesOf(5, 7, 4, 9, 6, 11, 4);
    for (let seed = 0; seed < 50; seed += 1) {
      const names = sample(images, pByK(3, 4), seed);
      expect(names).toHaveLength(36);
      for (let start = 0; start < names.length; start += 12) {
        const batch = names.slice(start, start + 12);
        expect(Object.values(tally(classesOf(batch)))).toEqual([4, 4, 4]);
        expect(new Set(batch).size).toBe(12);
      }
      const perClass = Object.values(tally(classesOf(names))).map((count) => count / 4);
      expect(Math.max(...perClass) - Math.min(...perClass)).toBeLessThanOrEqual(1);
    }
  });

  it('repeats images of a class that has too few, each before any again', () => {
    const names = sample(imagesOf(2, 6), pByK(2, 5));
    expect(names).toHaveLength(10);
    expect(Object.values(tally(names.filter((name) => name.startsWith('0/')))).sort()).toEqual([2, 3]);
    expect(new Set(names.filter((name) => name.startsWith('1/'))).size).toBe(5);
  });

  it('has at least one batch', () => {
    expect(sample(imagesOf(1, 1), pByK(2, 4))).toHaveLength(8);
  });

  it('refuses more classes than have images', () => {
    expect(() => sample(imagesOf(3, 0, 3), pByK(3, 2))).toThrow(
      'Expected at least 3 classes with training images (classesPerBatch); found 2.',
    );
  });
});

it.each<Partial<SamplerSettings>>([{}, { sampler: 'class-balanced' }, pByK(2, 4)])(
  'the same seed draws the same, another seed differs: %j',
  (settings) => {
    const images = imagesOf(20, 10, 30);
    expect(sample(images, settings)).toEqual(sample(images, settings));
    expect(sample(images, settings, 2)).not.toEqual(sample(images, settings));
  },
);
