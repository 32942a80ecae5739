import { createHash } from 'node:crypto';
import type { ImageEntry } from './image-entry.js';

/**
 * SHA-256 of a dataset, by content: the names within the dataset, each image's own SHA-256, and what its name does not
 * say: its class, the part of it that is used, and where a manifest puts it. The same images in another place hash alike.
 * @param sha256s of the images' bytes, in the images' order
 */
export function hashDataset(
  images: readonly ImageEntry[],
  sha256s: readonly string[],
  classNames: readonly string[],
): string {
  if (images.length !== sha256s.length) {
    throw new Error(`expected ${images.length} hashes of images; found ${sha256s.length}`);
  }
  const lines = images
    .map((image, index) => `${image.relativePath}\0${sha256s[index]}${further(image, classNames)}\n`)
    .sort();
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}

/** Nothing for a whole image in the folder of its class. */
function further({ relativePath, label, region, split }: ImageEntry, classNames: readonly string[]): string {
  const className = classNames[label] ?? '';
  const isSaid = relativePath.startsWith(`${className}/`) && region === undefined && split === undefined;
  return isSaid ? '' : `\0${JSON.stringify([className, region ?? null, split ?? null])}`;
}
