import { deriveSeed } from '../random.js';

/** Gives each image of an epoch a seed of its own, whatever batch and thread it comes to. */
export class ImageSeeds {
  private readonly occurrences = new Map<string, number>();

  /** @param epochSeed of this epoch only: each epoch changes an image in another way */
  constructor(private readonly epochSeed: number) {}

  /** An image that a sampler draws again gets another seed each time. */
  next(relativePath: string): number {
    const occurrence = this.occurrences.get(relativePath) ?? 0;
    this.occurrences.set(relativePath, occurrence + 1);
    return deriveSeed(this.epochSeed, hashOf(relativePath), occurrence);
  }
}

/** FNV-1a over UTF-16 code units, 32 bits. By name and not by place, so that an added image changes no other one. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
