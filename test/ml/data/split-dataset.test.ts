import { describe, expect, it } from 'vitest';
import type { ImageEntry, SplitPart } from '../../../src/ml/data/image-entry.js';
import { describeSplit, splitDataset, whyNothingValidated } from '../../../src/ml/data/split-dataset.js';
import { failureOf } from './ml-failure.js';

/** Images of the classes `c0`, `c1` …; each row holds the splits of one class's images. */
function datasetOf(...classes: readonly (readonly (SplitPart | undefined)[])[]) {
  const images: ImageEntry[] = classes.flatMap((splits, label) =>
    splits.map((split, i) => ({ path: `/d/c${label}/${i}`, relativePath: `c${label}/${i}`, label, split })),
  );
  return { classNames: classes.map((_, label) => `c${label}`), images };
}
const names = (images: readonly ImageEntry[]) => images.map(({ relativePath }) => relativePath);
const plain = (count: number) => new Array<undefined>(count).fill(undefined);
const labelled = ({ classNames }: { classNames: readonly string[] }, images: readonly ImageEntry[]) =>
  images.every(({ label, relativePath }) => relativePath.startsWith(`${classNames[label]}/`));

describe('the split "image"', () => {
  it('is taken where nothing says otherwise', () => {
    const split = splitDataset(datasetOf(plain(10), plain(20)), { validationFraction: 0.1 }, 1);
    expect([split.kind, split.training.length, split.validation.length]).toEqual(['image', 27, 3]);
    expect([split.heldOut, split.heldOutClasses]).toEqual([[], []]);
  });

  it("keeps the manifest's test images from the training all the same", () => {
    const dataset = datasetOf(['train', 'val', 'test'], ['train', 'val'], ['test', 'test']);
    const split = splitDataset(dataset, { split: 'image', validationFraction: 0 }, 1);
    expect(names(split.training)).toEqual(['c0/0', 'c0/1', 'c1/0', 'c1/1']);
    expect(names(split.heldOut)).toEqual(['c0/2', 'c2/0', 'c2/1']);
    expect([split.classNames, split.heldOutClasses]).toEqual([['c0', 'c1'], ['c2']]);
  });
});

describe('the split "identity"', () => {
  it('holds out whole classes and numbers the others anew', () => {
    const dataset = datasetOf(...new Array(10).fill(plain(3)));
    const split = splitDataset(dataset, { split: 'identity', validationFraction: 0.3 }, 4);
    expect([split.classNames.length, split.heldOutClasses.length]).toEqual([7, 3]);
    expect([split.training.length, split.validation.length, split.heldOut.length]).toEqual([21, 0, 9]);
    expect(new Set([...split.classNames, ...split.heldOutClasses]).size).toBe(10);
    expect(labelled(split, split.training)).toBe(true);
    const held = new Set(split.heldOut.map(({ relativePath }) => relativePath.split('/')[0]));
    expect([...held].sort()).toEqual([...split.heldOutClasses].sort());
  });
});

describe('the split "manifest"', () => {
  const dataset = datasetOf(['test'], ['train', 'val', 'test', undefined], ['val'], ['train', 'train']);

  it('is taken where the manifest has one, and does as it says', () => {
    const split = splitDataset(dataset, { validationFraction: 0.5 }, 1);
    expect(split.kind).toBe('manifest');
    expect(names(split.training)).toEqual(['c1/0', 'c1/3', 'c3/0', 'c3/1']);
    expect(names(split.validation)).toEqual(['c1/1']);
    expect(names(split.heldOut)).toEqual(['c0/0', 'c1/2', 'c2/0']);
    expect([split.classNames, split.heldOutClasses]).toEqual([
      ['c1', 'c3'],
      ['c0', 'c2'],
    ]);
    expect(labelled(split, [...split.training, ...split.validation])).toBe(true);
    expect(JSON.parse(describeSplit(split))).toEqual({
      split: 'manifest',
      validation: ['c1/1'],
      heldOut: ['c0/0', 'c1/2', 'c2/0'],
      heldOutClasses: ['c0', 'c2'],
    });
  });

  it('is refused where there is none, and where it leaves fewer than two classes', async () => {
    const settings = { split: 'manifest', validationFraction: 0.1 } as const;
    expect(await failureOf(() => splitDataset(datasetOf(plain(4), plain(4)), settings, 1))).toMatchObject({
      code: 'split_missing',
      fault: 'user',
    });
    const one = await failureOf(() => splitDataset(datasetOf(['train'], ['val']), settings, 1));
    expect(one.code).toBe('too_few_classes');
    expect(one.message).toContain('by the split "manifest"; found 1');
  });
});

describe('whyNothingValidated', () => {
  it.each([
    [[plain(1), plain(1)], { validationFraction: 0.1 }, 'each class has one image'],
    [[plain(4), plain(4)], { split: 'identity', validationFraction: 0.1 }, 'no class is held out'],
    [[['train'], ['train', 'test']], { validationFraction: 0.1 }, 'no image of a trained class'],
  ] as const)('tells the reason for %j', (classes, settings, reason) => {
    expect(whyNothingValidated(splitDataset(datasetOf(...classes), settings, 1), settings)).toContain(reason);
  });

  it('has nothing to tell when something is held out, or nothing was to be', () => {
    for (const validationFraction of [0, 0.5]) {
      const split = splitDataset(datasetOf(plain(4), plain(4)), { validationFraction }, 1);
      expect(whyNothingValidated(split, { validationFraction })).toBe(null);
    }
  });
});
