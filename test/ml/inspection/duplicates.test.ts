import { describe, expect, it } from 'vitest';
import {
  acrossDatasets,
  acrossSplit,
  groupDuplicates,
  type HashedImage,
  reportGroups,
  underTwoLabels,
} from '../../../src/ml/inspection/duplicates.js';

const image = (relativePath: string, sha256: string, label = 0, x?: number): HashedImage => ({
  image: {
    path: `/d/${relativePath}`,
    relativePath,
    label,
    region: x === undefined ? undefined : { kind: 'box', x, y: 0, width: 9, height: 9 },
  },
  sha256,
});
const namesOf = (groups: ReturnType<typeof groupDuplicates>) =>
  groups.map((group) => group.map(({ image: { relativePath } }) => relativePath));

describe('groupDuplicates', () => {
  it('groups by bytes, in order, and leaves single images out', () => {
    const groups = groupDuplicates([
      image('a', 'one'),
      image('b', 'two'),
      image('c', 'one'),
      image('d', 'three'),
      image('e', 'two'),
      image('f', 'one'),
    ]);
    expect(namesOf(groups)).toEqual([
      ['a', 'c', 'f'],
      ['b', 'e'],
    ]);
    expect(groupDuplicates([])).toEqual([]);
  });

  it('takes another part of the same image for another image', () => {
    const groups = groupDuplicates([
      image('a', 'one', 0, 1),
      image('a#2', 'one', 0, 2),
      image('b', 'one', 0, 2),
    ]);
    expect(namesOf(groups)).toEqual([['a#2', 'b']]);
  });
});

describe('what is wrong with a group', () => {
  const groups = groupDuplicates([
    image('a/1', 'one', 0),
    image('b/1', 'one', 1),
    image('a/2', 'two', 0),
    image('a/3', 'two', 0),
  ]);

  it('is more than one label', () => {
    expect(namesOf(underTwoLabels(groups))).toEqual([['a/1', 'b/1']]);
  });

  it('is an image on both sides of a split', () => {
    const find = (trained: string[], kept: string[]) =>
      namesOf(acrossSplit(groups, new Set(trained), new Set(kept)));
    expect(find(['a/1', 'a/2'], ['a/3', 'b/1'])).toEqual([
      ['a/1', 'b/1'],
      ['a/2', 'a/3'],
    ]);
    expect(find(['a/1', 'b/1'], ['a/2', 'a/3'])).toEqual([]);
  });
});

it('acrossDatasets names each image of the second that the first has', () => {
  const first = [image('a/1', 'one'), image('a/2', 'two')];
  const second = [image('x/1', 'two'), image('x/2', 'four'), image('x/3', 'two')];
  expect(acrossDatasets(first, second)).toEqual({
    images: 2,
    listed: [
      { dataset: 'a/2', testDataset: 'x/1' },
      { dataset: 'a/2', testDataset: 'x/3' },
    ],
  });
});

it('reportGroups counts all and lists a hundred groups of twenty names', () => {
  const many = Array.from({ length: 101 * 21 }, (_, i) => image(`${i}`, `${i % 101}`));
  const report = reportGroups(groupDuplicates(many));
  expect([report.groups, report.images]).toEqual([101, 2121]);
  expect([report.listed.length, report.listed[0]?.length]).toEqual([100, 20]);
});
