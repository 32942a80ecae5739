import { createHash } from 'node:crypto';
import type { ImageEntry } from './image-entry.js';

/**
 * SHA-256 of a dataset, by content: the names within the dataset and each file's own SHA-256. The same images in
 * another place hash alike.
 * @param sha256s of the images' bytes, in the images' order
 */
export function hashDataset(images: readonly ImageEntry[], sha256s: readonly string[]): string {
  if (images.length !== sha256s.length) {
    throw new Error(`expected ${images.length} hashes of images; found ${sha256s.length}`);
  }
  const lines = images.map(({ relativePath }, index) => `${relativePath}\0${sha256s[index]}\n`).sort();
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}
