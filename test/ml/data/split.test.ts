import { describe, expect, it } from 'vitest';
import type { ImageEntry } from '../../../src/ml/data/image-entry.js';
import { splitByImage } from '../../../src/ml/data/split.js';

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
