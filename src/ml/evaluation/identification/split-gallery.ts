import type { ImageEntry } from '../../data/image-entry.js';
import { createRandom, deriveSeed } from '../../data/random.js';
import { MlError } from '../../ml-error.js';

export type GallerySplit = {
  readonly gallery: readonly ImageEntry[];
  readonly probes: readonly ImageEntry[];
};

export type SplitOptions = {
  /** Images of each identity that go into the gallery; the others are probes. */
  readonly galleryImages: number;
  /** Share of the identities that are left out of the gallery: all their images are non-mated probes. */
  readonly unknownFraction: number;
  readonly seed: number;
};

/**
 * Splits one dataset into gallery and probes. An identity without an image to spare is in the gallery with all it has, and
 * distracts. The images' own order does not matter.
 * @throws MlError `no_gallery`, `no_probes`
 */
export function splitGallery(images: readonly ImageEntry[], options: SplitOptions): GallerySplit {
  const random = createRandom(deriveSeed(options.seed, 2));
  const sorted = [...images].sort((a, b) => (a.relativePath < b.relativePath ? -1 : 1));
  const labels = [...new Set(sorted.map(({ label }) => label))].sort((a, b) => a - b);
  const unknown = new Set(
    random.shuffle(labels).slice(0, Math.round(options.unknownFraction * labels.length)),
  );
  const taken = new Map<number, number>();
  const gallery: ImageEntry[] = [];
  const probes: ImageEntry[] = [];
  for (const image of random.shuffle(sorted)) {
    const count = taken.get(image.label) ?? 0;
    if (unknown.has(image.label) || count === options.galleryImages) {
      probes.push(image);
      continue;
    }
    taken.set(image.label, count + 1);
    gallery.push(image);
  }
  assertSearchable({ gallery, probes });
  return { gallery, probes };
}

/** @throws MlError `no_gallery`, `no_probes` */
export function assertSearchable({ gallery, probes }: GallerySplit): void {
  if (gallery.length === 0)
    throw new MlError(
      'no_gallery',
      'data',
      'Expected at least one readable image in the gallery; found none.',
    );
  if (probes.length === 0)
    throw new MlError('no_probes', 'data', 'Expected at least one readable probe; found none.');
}
