import type { ImageEntry } from '../image-entry.js';
import type { Random } from '../random.js';

/** Hands out the images of one class at random: all of them once before any comes again. */
export class ClassPool {
  private left: ImageEntry[] = [];

  constructor(
    private readonly images: readonly ImageEntry[],
    private readonly random: Random,
  ) {}

  draw(): ImageEntry {
    if (this.left.length === 0) this.left = this.random.shuffle(this.images);
    return this.left.pop() as ImageEntry;
  }

  /** Images for one batch: none twice, unless the class has fewer than `count`. */
  drawDistinct(count: number): ImageEntry[] {
    if (this.left.length < count && this.images.length >= count) this.left = this.random.shuffle(this.images);
    return Array.from({ length: count }, () => this.draw());
  }
}

/** A pool for each class that has images, in the order of the labels. */
export function poolByClass(images: readonly ImageEntry[], random: Random): ClassPool[] {
  const byClass = new Map<number, ImageEntry[]>();
  for (const image of images) {
    const members = byClass.get(image.label);
    if (members === undefined) byClass.set(image.label, [image]);
    else members.push(image);
  }
  const labels = [...byClass.keys()].sort((a, b) => a - b);
  return labels.map((label) => new ClassPool(byClass.get(label) as ImageEntry[], random));
}
