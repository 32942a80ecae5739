import type { ImageEntry } from '../../data/image-entry.js';
import { createRandom, deriveSeed, type Random } from '../../data/random.js';
import { PairBuilder, type PairSet } from './pairs.js';

export type DrawOptions = {
  readonly genuinePairs: number;
  readonly impostorPairs: number;
  readonly seed: number;
};

/**
 * Draws different pairs of images at random, or takes all where fewer exist than asked for, in a random order that mixes
 * genuine and impostor pairs, so that folds hold both. The images' own order does not matter.
 * @throws MlError `no_pairs` when there are not two images
 */
export function drawPairs(images: readonly ImageEntry[], options: DrawOptions): PairSet {
  const blocks = blocksOfLabels(images);
  const random = createRandom(deriveSeed(options.seed, 1));
  const total = blocks.reduce((sum, block) => sum + block.length, 0);
  const genuine = new RankedPairs(blocks.map(({ length }) => (length * (length - 1)) / 2));
  let later = total;
  const impostor = new RankedPairs(
    blocks.map(({ length }) => {
      later -= length;
      return length * later;
    }),
  );
  const sorted = blocks.flat();
  let end = 0;
  const starts = blocks.map(({ length }) => {
    end += length;
    return end - length;
  });
  const drawn = [
    ...sampleDistinct(options.genuinePairs, genuine.total, random).map((rank) => ({ rank, same: true })),
    ...sampleDistinct(options.impostorPairs, impostor.total, random).map((rank) => ({ rank, same: false })),
  ];
  const pairs = new PairBuilder();
  for (const { rank, same } of random.shuffle(drawn)) {
    const { block, within } = (same ? genuine : impostor).locate(rank);
    const start = starts[block] as number;
    const { length } = blocks[block] as ImageEntry[];
    const [left, right] = same ? pairWithin(within) : pairAcross(within, length);
    pairs.add(sorted[start + left] as ImageEntry, sorted[start + right] as ImageEntry, same);
  }
  return pairs.build();
}

/** The images of each label, in the order of labels, and of names within one. */
function blocksOfLabels(images: readonly ImageEntry[]): ImageEntry[][] {
  const blocks = new Map<number, ImageEntry[]>();
  const sorted = [...images].sort(
    (a, b) =>
      a.label - b.label || (a.relativePath < b.relativePath ? -1 : a.relativePath > b.relativePath ? 1 : 0),
  );
  for (const image of sorted) {
    const block = blocks.get(image.label);
    if (block === undefined) blocks.set(image.label, [image]);
    else block.push(image);
  }
  return [...blocks.values()];
}

/** Pairs numbered through, block by block. */
class RankedPairs {
  readonly total: number;
  private readonly ends: number[] = [];

  constructor(counts: readonly number[]) {
    let total = 0;
    for (const count of counts) {
      total += count;
      this.ends.push(total);
    }
    this.total = total;
  }

  locate(rank: number): { block: number; within: number } {
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ends[middle] as number) > rank) high = middle;
      else low = middle + 1;
    }
    return { block: low, within: rank - (this.ends[low - 1] ?? 0) };
  }
}

/** The pair of a number: 0 is (0, 1), 1 is (0, 2), 2 is (1, 2), 3 is (0, 3) … */
function pairWithin(number: number): readonly [number, number] {
  let right = Math.floor((1 + Math.sqrt(1 + 8 * number)) / 2);
  // The root of a large number may be off by one.
  while ((right * (right - 1)) / 2 > number) right -= 1;
  while (((right + 1) * right) / 2 <= number) right += 1;
  return [number - (right * (right - 1)) / 2, right];
}

/** One image of a block of `length`, and one behind the block, counted from the block's start. */
function pairAcross(number: number, length: number): readonly [number, number] {
  return [number % length, length + Math.floor(number / length)];
}

/** Different numbers below `total` (Floyd's algorithm), or all of them when no more exist than asked for. */
function sampleDistinct(count: number, total: number, random: Random): number[] {
  if (count >= total) return Array.from({ length: total }, (_, i) => i);
  const chosen = new Set<number>();
  for (let last = total - count; last < total; last += 1) {
    // 53 bits: there may be more than 2³² pairs.
    const drawn = Math.floor((random.next() + random.next() / 2 ** 32) * (last + 1));
    chosen.add(chosen.has(drawn) ? last : drawn);
  }
  return [...chosen];
}
