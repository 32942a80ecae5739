import type { PreparedDataset } from '../training/prepare-dataset.js';
import { type DuplicateReport, groupDuplicates, reportGroups, underTwoLabels } from './duplicates.js';

/** Limits of the histogram of sizes, by the shorter side in pixels: half, once, twice, four times the usual 112. */
const SIZE_LIMITS = [56, 112, 224, 448] as const;
/** Below these numbers of images a class is counted as small: no pair of its own, few, and what papers call low-shot. */
const SMALL_CLASSES = [2, 5, 10] as const;
const LISTED_CLASSES = 20;
const LISTED_SKIPS = 100;

/** What is known of a dataset once every image has been decoded. */
export type DatasetReport = {
  readonly form: string;
  readonly hash: string;
  readonly classes: number;
  readonly images: number;
  readonly imagesPerClass: { readonly min: number; readonly median: number; readonly max: number } | null;
  /** How many classes have fewer images than this. */
  readonly smallClasses: readonly { readonly fewerThan: number; readonly classes: number }[];
  readonly smallestClasses: readonly { readonly name: string; readonly images: number }[];
  readonly colours: { readonly colour: number; readonly grey: number };
  /** Images by the shorter side of the file, in pixels, from `from` to below `below`. */
  readonly sizes: readonly {
    readonly from: number;
    readonly below: number | null;
    readonly images: number;
  }[];
  readonly skippedImages: number;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly duplicates: DuplicateReport;
  readonly duplicatesUnderTwoLabels: DuplicateReport;
};

/** Counts a prepared dataset; lists are cut to what a result can carry, counts are of all. */
export function reportDataset(dataset: PreparedDataset): DatasetReport {
  const counts = new Array<number>(dataset.classNames.length).fill(0);
  for (const { label } of dataset.images) counts[label] = (counts[label] ?? 0) + 1;
  const smallest = counts
    .map((images, label) => ({ name: dataset.classNames[label] ?? '', images }))
    .sort((a, b) => a.images - b.images);
  const groups = groupDuplicates(hashedImages(dataset));
  const grey = dataset.facts.filter(({ isGrey }) => isGrey).length;
  return {
    form: dataset.form,
    hash: dataset.hash,
    classes: counts.length,
    images: dataset.images.length,
    imagesPerClass: spread(counts),
    smallClasses: SMALL_CLASSES.map((fewerThan) => ({
      fewerThan,
      classes: counts.filter((count) => count < fewerThan).length,
    })),
    smallestClasses: smallest.slice(0, LISTED_CLASSES),
    colours: { colour: dataset.facts.length - grey, grey },
    sizes: histogram(dataset.facts.map(({ width, height }) => Math.min(width, height))),
    skippedImages: dataset.skipped.length,
    skipped: dataset.skipped.slice(0, LISTED_SKIPS),
    duplicates: reportGroups(groups),
    duplicatesUnderTwoLabels: reportGroups(underTwoLabels(groups)),
  };
}

/** A report without its lists: what a training's result says of its dataset. */
export function summariseDataset(report: DatasetReport) {
  const { form, hash, classes, images, imagesPerClass, smallClasses, colours, sizes, skippedImages } = report;
  const { duplicates, duplicatesUnderTwoLabels } = report;
  const counted = {
    form,
    hash,
    classes,
    images,
    imagesPerClass,
    smallClasses,
    colours,
    sizes,
    skippedImages,
  };
  return {
    ...counted,
    duplicates: { groups: duplicates.groups, images: duplicates.images },
    duplicatesUnderTwoLabels: {
      groups: duplicatesUnderTwoLabels.groups,
      images: duplicatesUnderTwoLabels.images,
    },
  };
}

/** The images with their hashes, for the search of duplicates. */
export function hashedImages({ images, sha256s }: PreparedDataset) {
  return images.map((image, index) => ({ image, sha256: sha256s[index] ?? '' }));
}

function spread(counts: readonly number[]): DatasetReport['imagesPerClass'] {
  if (counts.length === 0) return null;
  const sorted = counts.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] as number;
  const last = sorted.length - 1;
  return { min: at(0), median: (at(Math.floor(last / 2)) + at(Math.ceil(last / 2))) / 2, max: at(last) };
}

function histogram(sides: readonly number[]): DatasetReport['sizes'] {
  const edges = [0, ...SIZE_LIMITS];
  return edges.map((from, i) => {
    const below = edges[i + 1] ?? null;
    const images = sides.filter((side) => side >= from && (below === null || side < below)).length;
    return { from, below, images };
  });
}
