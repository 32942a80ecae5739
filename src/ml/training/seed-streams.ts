import { deriveSeed } from '../data/random.js';

/** Streams of random numbers that a training's seed is split into. */
export const SEED_STREAM = { split: 1, initialise: 2, batches: 3 } as const;

/** The seed that a training divides its dataset with; an inspection foretells the same division. */
export function splitSeed(seed: number): number {
  return deriveSeed(seed, SEED_STREAM.split);
}
