import type { ImageEntry } from '../data/image-entry.js';

/** An image and the SHA-256 of its bytes. */
export type HashedImage = { readonly image: ImageEntry; readonly sha256: string };

/** Images of the same bytes, and of the same part of them. */
export type DuplicateGroup = readonly HashedImage[];

/** Groups that a report lists before it stops; it counts all. */
const LISTED_GROUPS = 100;
/** Names of a group that a report lists before it stops. */
const LISTED_NAMES = 20;

export type DuplicateReport = {
  readonly groups: number;
  /** Images in those groups. */
  readonly images: number;
  /** The first groups, each with its first names. */
  readonly listed: readonly (readonly string[])[];
};

/** Groups of two and more, in the images' order. */
export function groupDuplicates(images: readonly HashedImage[]): DuplicateGroup[] {
  const groups = new Map<string, HashedImage[]>();
  for (const each of images) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Groups whose images have more than one label: at least one of them is wrong. */
export function underTwoLabels(groups: readonly DuplicateGroup[]): DuplicateGroup[] {
  return groups.filter((group) => new Set(group.map(({ image }) => image.label)).size > 1);
}

/** Groups with an image on both sides of a split: what is scored was trained on. */
export function acrossSplit(
  groups: readonly DuplicateGroup[],
  trainedOn: ReadonlySet<string>,
  kept: ReadonlySet<string>,
): DuplicateGroup[] {
  return groups.filter(
    (group) =>
      group.some(({ image }) => trainedOn.has(image.relativePath)) &&
      group.some(({ image }) => kept.has(image.relativePath)),
  );
}

export type CrossReport = {
  /** Images of the second dataset that the first has too. */
  readonly images: number;
  readonly listed: readonly { readonly dataset: string; readonly testDataset: string }[];
};

/** Images of a second dataset that the first holds as well. */
export function acrossDatasets(first: readonly HashedImage[], second: readonly HashedImage[]): CrossReport {
  const names = new Map(first.map((each) => [keyOf(each), each.image.relativePath]));
  const shared = second.flatMap((each) => {
    const name = names.get(keyOf(each));
    return name === undefined ? [] : [{ dataset: name, testDataset: each.image.relativePath }];
  });
  return { images: shared.length, listed: shared.slice(0, LISTED_GROUPS) };
}

export function reportGroups(groups: readonly DuplicateGroup[]): DuplicateReport {
  return {
    groups: groups.length,
    images: groups.reduce((sum, group) => sum + group.length, 0),
    listed: groups
      .slice(0, LISTED_GROUPS)
      .map((group) => group.slice(0, LISTED_NAMES).map(({ image }) => image.relativePath)),
  };
}

function keyOf({ image, sha256 }: HashedImage): string {
  return image.region === undefined ? sha256 : `${sha256}${JSON.stringify(image.region)}`;
}
