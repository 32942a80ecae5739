import type { ImageEntry } from '../image-entry.js';
import type { Random } from '../random.js';
import { poolByClass } from './class-pools.js';

/**
 * As many draws as there are images. Each draw takes each class with the same probability, however many images it has; within
 * a class every image comes once before any comes again.
 */
export function drawClassBalanced(images: readonly ImageEntry[], random: Random): ImageEntry[] {
  const pools = poolByClass(images, random);
  return images.map(() => (pools[random.integer(pools.length)] as (typeof pools)[number]).draw());
}
