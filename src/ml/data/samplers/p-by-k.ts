import { MlError } from '../../ml-error.js';
import type { ImageEntry } from '../image-entry.js';
import type { Random } from '../random.js';
import { type ClassPool, poolByClass } from './class-pools.js';

export type BatchShape = { readonly classesPerBatch: number; readonly imagesPerClass: number };

/**
 * Batches of P different classes with K images each (Hermans, Beyer and Leibe, "In Defense of the Triplet Loss", 2017, section
 * 2), as many as fit into the number of images, and at least one. Classes come in rounds: each
 * once before any comes again, and those that a batch has already come last in the round that begins within it.
 * @returns the batches one after another; a batch lists its classes one after another
 * @throws MlError `too_few_classes` when fewer than P classes have images
 */
export function drawClassesByImages(
  images: readonly ImageEntry[],
  { classesPerBatch, imagesPerClass }: BatchShape,
  random: Random,
): ImageEntry[] {
  const pools = poolByClass(images, random);
  if (pools.length < classesPerBatch) {
    const message = `Expected at least ${classesPerBatch} classes with training images (classesPerBatch); found ${pools.length}.`;
    throw new MlError('too_few_classes', 'user', message);
  }
  const batchCount = Math.max(1, Math.floor(images.length / (classesPerBatch * imagesPerClass)));
  const drawn: ImageEntry[] = [];
  let round: ClassPool[] = [];
  let next = 0;
  for (let batch = 0; batch < batchCount; batch += 1) {
    const chosen = new Set<ClassPool>();
    while (chosen.size < classesPerBatch) {
      if (next === round.length) {
        const shuffled = random.shuffle(pools);
        const isChosen = (pool: ClassPool) => chosen.has(pool);
        round = [...shuffled.filter((pool) => !isChosen(pool)), ...shuffled.filter(isChosen)];
        next = 0;
      }
      chosen.add(round[next] as ClassPool);
      next += 1;
    }
    for (const pool of chosen) drawn.push(...pool.drawDistinct(imagesPerClass));
  }
  return drawn;
}
