import { MlError } from '../ml-error.js';
import type { ImageEntry } from './image-entry.js';
import { drawIdentities, splitByImage } from './split.js';

export const SPLITS = ['image', 'identity', 'manifest'] as const;
export type SplitKind = (typeof SPLITS)[number];

export type SplitSettings = {
  /** Left out: `manifest` where the dataset's manifest has a split column, else `image`. */
  readonly split?: SplitKind | undefined;
  readonly validationFraction: number;
};

/** What is trained on, what is scored after each epoch, and what is kept from the training altogether. */
export type DatasetSplit = {
  readonly kind: SplitKind;
  /** The classes that are trained on, in the dataset's order. */
  readonly classNames: readonly string[];
  /** Labels index `classNames`. */
  readonly training: readonly ImageEntry[];
  readonly validation: readonly ImageEntry[];
  /** Images of no use to the training: the manifest's test part, and those of classes that are not trained on. */
  readonly heldOut: readonly ImageEntry[];
  /** Classes that are not trained on. */
  readonly heldOutClasses: readonly string[];
};

type Listed = { readonly classNames: readonly string[]; readonly images: readonly ImageEntry[] };

/**
 * Divides a dataset. What a manifest calls `test` is never trained or validated on, however the rest is divided.
 * - `image`: a share of each class's images is validated on;
 * - `identity`: a share of the classes is held out whole, for verification later; nothing is validated on, since the
 *   head scores only classes that it has;
 * - `manifest`: as its split column says; an image without one is trained on. Validation images of a class without
 *   training images count as held out.
 * @throws MlError `split_missing` for `manifest` without such a column, `too_few_classes` when fewer than two are left
 */
export function splitDataset(dataset: Listed, settings: SplitSettings, seed: number): DatasetSplit {
  const { classNames, images } = dataset;
  const hasSplits = images.some(({ split }) => split !== undefined);
  const kind = settings.split ?? (hasSplits ? 'manifest' : 'image');
  if (kind === 'manifest' && !hasSplits)
    throw new MlError(
      'split_missing',
      'user',
      'Expected a manifest with a split column, for the split "manifest"; found no image with a split.',
    );
  const usable = images.filter(({ split }) => split !== 'test');
  const { training, validation } = divide(kind, { classNames, images: usable }, settings, seed);
  const trained = new Set(training.map(({ label }) => label));
  if (trained.size < 2) {
    const message = `Expected at least 2 classes to train on, by the split "${kind}"; found ${trained.size}.`;
    throw new MlError('too_few_classes', 'data', message);
  }
  const scored = validation.filter(({ label }) => trained.has(label));
  const used = new Set([...training, ...scored]);
  const labels = [...classNames.keys()].filter((label) => trained.has(label));
  const labelOf = new Map(labels.map((label, index) => [label, index]));
  const relabel = (image: ImageEntry): ImageEntry => ({
    ...image,
    label: labelOf.get(image.label) as number,
  });
  return {
    kind,
    classNames: labels.map((label) => classNames[label] as string),
    training: training.map(relabel),
    validation: scored.map(relabel),
    heldOut: images.filter((image) => !used.has(image)),
    heldOutClasses: classNames.filter((_, label) => !trained.has(label)),
  };
}

function divide(
  kind: SplitKind,
  { classNames, images }: Listed,
  { validationFraction }: SplitSettings,
  seed: number,
): { training: readonly ImageEntry[]; validation: readonly ImageEntry[] } {
  switch (kind) {
    case 'image':
      return splitByImage(images, validationFraction, seed);
    case 'identity': {
      const present = new Set(images.map(({ label }) => label));
      const labels = [...classNames.keys()].filter((label) => present.has(label));
      const names = labels.map((label) => classNames[label] as string);
      const held = new Set(drawIdentities(names, validationFraction, seed).map((index) => labels[index]));
      return { training: images.filter(({ label }) => !held.has(label)), validation: [] };
    }
    case 'manifest':
      return {
        training: images.filter(({ split }) => split !== 'val'),
        validation: images.filter(({ split }) => split === 'val'),
      };
  }
}

/** What a log should say of a split that does less than was asked for; null when it does not. */
export function whyNothingValidated(
  split: DatasetSplit,
  { validationFraction }: SplitSettings,
): string | null {
  if (split.kind === 'manifest')
    return split.validation.length === 0 ? 'the manifest puts no image of a trained class in "val"' : null;
  if (validationFraction === 0) return null;
  if (split.kind === 'identity')
    return split.heldOutClasses.length === 0
      ? 'no class is held out: at least 2 of them have to remain'
      : null;
  return split.validation.length === 0
    ? 'nothing is validated on: each class has one image, which is trained on'
    : null;
}

/** The text of split.json: names within the dataset, so that a later evaluation can use what this training never saw. */
export function describeSplit({ kind, validation, heldOut, heldOutClasses }: DatasetSplit): string {
  const names = (images: readonly ImageEntry[]) => images.map(({ relativePath }) => relativePath);
  const content = { split: kind, validation: names(validation), heldOut: names(heldOut), heldOutClasses };
  return `${JSON.stringify(content)}\n`;
}
