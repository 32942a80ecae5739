import type { ImageEntry } from './image-entry.js';
import { createRandom, deriveSeed } from './random.js';

export type Split = { readonly training: ImageEntry[]; readonly validation: ImageEntry[] };

/** Stream of a split's seed that draws classes; images are drawn from streams numbered by label. */
const CLASS_STREAM = 0x7fff_ffff;

/**
 * Holds out a share of each class, rounded. A class always keeps a training image, so a class of one image is trained
 * on only. Where classes are so small that rounding leaves less than the share of the whole, single images of classes
 * that gave none make up for it, drawn at random: 100 classes of 2 images give 20 images of 20 classes at 0.1, where
 * rounding alone would give none. A share above 0 holds out at least one image if any class has two.
 * The choice depends on the seed and on the images' names, not on their order.
 */
export function splitByImage(images: readonly ImageEntry[], fraction: number, seed: number): Split {
  const byClass = new Map<number, ImageEntry[]>();
  for (const image of images) {
    const members = byClass.get(image.label);
    if (members === undefined) byClass.set(image.label, [image]);
    else members.push(image);
  }
  const counts = heldOutPerClass(
    new Map([...byClass].map(([label, members]) => [label, members.length])),
    fraction,
    seed,
  );
  const heldOut = new Set<ImageEntry>();
  for (const [label, members] of byClass) {
    const sorted = members.toSorted((a, b) => (a.relativePath < b.relativePath ? -1 : 1));
    const shuffled = createRandom(deriveSeed(seed, label)).shuffle(sorted);
    for (const image of shuffled.slice(0, counts.get(label))) heldOut.add(image);
  }
  return {
    training: images.filter((image) => !heldOut.has(image)),
    validation: images.filter((image) => heldOut.has(image)),
  };
}

/** How many images of each class are held out, by its label and its number of images. */
function heldOutPerClass(
  sizes: ReadonlyMap<number, number>,
  fraction: number,
  seed: number,
): Map<number, number> {
  const counts = new Map(
    [...sizes].map(([label, size]) => [label, Math.min(size - 1, Math.round(size * fraction))]),
  );
  if (fraction === 0) return counts;
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const held = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const missing = Math.max(1, Math.round(total * fraction)) - held;
  const giving = [...sizes.keys()]
    .filter((label) => counts.get(label) === 0 && (sizes.get(label) ?? 0) >= 2)
    .sort((a, b) => a - b);
  const drawn = createRandom(deriveSeed(seed, CLASS_STREAM)).shuffle(giving);
  for (const label of drawn.slice(0, Math.max(0, missing))) counts.set(label, 1);
  return counts;
}

/** Classes that remain to be trained on, at least. */
const LEAST_CLASSES = 2;

/**
 * Whole classes to hold out, so that a verification on them meets nobody that the training has seen: the share of the
 * classes, rounded, at least one, while two remain.
 * @returns the labels, ascending; they depend on the seed and on the classes' names, not on their order
 */
export function drawIdentities(classNames: readonly string[], fraction: number, seed: number): number[] {
  if (fraction === 0) return [];
  const wanted = Math.max(1, Math.round(classNames.length * fraction));
  const count = Math.max(0, Math.min(wanted, classNames.length - LEAST_CLASSES));
  const sorted = [...classNames.keys()].sort((a, b) =>
    (classNames[a] ?? '') < (classNames[b] ?? '') ? -1 : 1,
  );
  const shuffled = createRandom(deriveSeed(seed, CLASS_STREAM)).shuffle(sorted);
  return shuffled.slice(0, count).sort((a, b) => a - b);
}
