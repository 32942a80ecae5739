import { describe, expect, it } from 'vitest';
import type { ImageEntry } from '../../../src/ml/data/image-entry.js';
import { drawIdentities, splitByImage } from '../../../src/ml/data/split.js';

const imagesOf = (...sizes: readonly number[]): ImageEntry[] =>
  sizes.flatMap((size, label) =>
    Array.from({ length: size }, (_, i) => ({
      path: `/data/c${label}/${i}.png`,
      relativePath: `c${label}/${i}.png`,
      label,
    })),
  );
const countOf = (images: readonly ImageEntry[], label: number) =>
  images.filter((image) => image.label === label).length;
const names = (images: readonly ImageEntry[]) => images.map(({ relativePath }) => relativePath).toSorted();

describe('splitByImage', () => {
  it('holds out the share of each class and uses every image once', () => {
    const images = imagesOf(10, 20, 5);
    const { training, validation } = splitByImage(images, 0.2, 1);
    expect([0, 1, 2].map((label) => countOf(validation, label))).toEqual([2, 4, 1]);
    expect(names([...training, ...validation])).toEqual(names(images));
  });

  it('leaves each class an image to train on', () => {
    const { training, validation } = splitByImage(imagesOf(1, 2, 3), 0.99, 1);
    expect([0, 1, 2].map((label) => countOf(training, label))).toEqual([1, 1, 1]);
    expect([0, 1, 2].map((label) => countOf(validation, label))).toEqual([0, 1, 2]);
  });

  it('makes up for rounding with single images of classes that gave none', () => {
    // 0.1 of 2 rounds to 0 in each of 100 classes; 0.1 of their 200 images is 20.
    const small = imagesOf(...new Array<number>(100).fill(2));
    const { training, validation } = splitByImage(small, 0.1, 1);
    expect([training.length, validation.length]).toEqual([180, 20]);
    expect(new Set(validation.map(({ label }) => label)).size).toBe(20);
    const other = splitByImage(small, 0.1, 2).validation;
    expect(new Set(other.map(({ label }) => label))).not.toEqual(
      new Set(validation.map(({ label }) => label)),
    );
    expect(names(splitByImage(small.toReversed(), 0.1, 1).validation)).toEqual(names(validation));
  });

  it('holds out one image at least where a class has two, and none where all have one', () => {
    expect(splitByImage(imagesOf(1, 2, 1), 0.01, 1).validation.map(({ label }) => label)).toEqual([1]);
    expect(splitByImage(imagesOf(1, 1, 1), 0.5, 1).validation).toEqual([]);
    expect(splitByImage([], 0.5, 1)).toEqual({ training: [], validation: [] });
  });

  it('makes up for nothing where rounding gives each class its share', () => {
    // 3 of 39 at 0.1, though a tenth of 39 is 4: no class gave none.
    expect(splitByImage(imagesOf(13, 13, 13), 0.1, 1).validation.length).toBe(3);
  });

  it('holds out nothing at 0', () => {
    const images = imagesOf(4, 4);
    expect(splitByImage(images, 0, 1)).toEqual({ training: images, validation: [] });
  });

  it('chooses by seed and name, whatever the order', () => {
    const images = imagesOf(30, 30);
    const held = names(splitByImage(images, 0.3, 9).validation);
    expect(names(splitByImage(images, 0.3, 9).validation)).toEqual(held);
    expect(names(splitByImage(images.toReversed(), 0.3, 9).validation)).toEqual(held);
    expect(names(splitByImage(images, 0.3, 10).validation)).not.toEqual(held);
  });

  it('does not hold out the same numbers in each class', () => {
    const { validation } = splitByImage(imagesOf(30, 30), 0.3, 9);
    const files = (label: number) =>
      names(validation.filter((image) => image.label === label)).map((name) => name.slice(3));
    expect(files(0)).not.toEqual(files(1));
  });
});

describe('drawIdentities', () => {
  const classes = Array.from({ length: 10 }, (_, i) => `c${i}`);
  const namesOf = (list: readonly string[], labels: readonly number[]) =>
    labels.map((label) => list[label]).sort();

  it('draws the share of the classes, at least one, and leaves two', () => {
    expect(drawIdentities(classes, 0.3, 1).length).toBe(3);
    expect(drawIdentities(classes, 0.01, 1).length).toBe(1);
    expect(drawIdentities(classes.slice(0, 3), 0.5, 1).length).toBe(1);
    expect(drawIdentities(classes.slice(0, 2), 0.5, 1)).toEqual([]);
    expect(drawIdentities([], 0.5, 1)).toEqual([]);
    expect(drawIdentities(classes, 0, 1)).toEqual([]);
  });

  it('depends on the seed and the names, not on their order', () => {
    const drawn = namesOf(classes, drawIdentities(classes, 0.3, 1));
    const reversed = classes.toReversed();
    expect(namesOf(reversed, drawIdentities(reversed, 0.3, 1))).toEqual(drawn);
    const others = [2, 3, 4].map((seed) => namesOf(classes, drawIdentities(classes, 0.3, seed)));
    expect(others.some((other) => String(other) !== String(drawn))).toBe(true);
  });
});
