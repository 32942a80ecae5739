import type { ImageEntry } from './image-entry.js';
import { createRandom, deriveSeed } from './random.js';

export type Split = { readonly training: ImageEntry[]; readonly validation: ImageEntry[] };

/**
 * Holds out a share of each class. A class always keeps a training image, so a class of one image is trained on
 * only. The choice depends on the seed and on the images' names, not on their order.
 */
export function splitByImage(images: readonly ImageEntry[], fraction: number, seed: number): Split {
  const byClass = new Map<number, ImageEntry[]>();
  for (const image of images) {
    const members = byClass.get(image.label);
    if (members === undefined) byClass.set(image.label, [image]);
    else members.push(image);
  }
  const heldOut = new Set<ImageEntry>();
  for (const [label, members] of byClass) {
    const sorted = members.toSorted((a, b) => (a.relativePath < b.relativePath ? -1 : 1));
    const count = Math.min(members.length - 1, Math.round(members.length * fraction));
    const shuffled = createRandom(deriveSeed(seed, label)).shuffle(sorted);
    for (const image of shuffled.slice(0, count)) heldOut.add(image);
  }
  return {
    training: images.filter((image) => !heldOut.has(image)),
    validation: images.filter((image) => heldOut.has(image)),
  };
}
