/** State of a generator: four 32-bit words. Kept and set to resume a run exactly. */
export type RandomState = readonly [number, number, number, number];

/** A seeded source of random numbers: the same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1), with 32 bits. */
  next(): number;
  /** Uniform in 0 … limit − 1. */
  integer(limit: number): number;
  /** Standard normal. */
  normal(): number;
  /** The items in random order, in a new array. */
  shuffle<T>(items: readonly T[]): T[];
  readonly state: RandomState;
  /** Goes on where a state was taken. */
  restore(state: RandomState): void;
}

/** Rounds that mix a fresh state before the first number leaves it. */
const MIXING_ROUNDS = 12;

/**
 * sfc32 of Chris Doty-Humphrey's PractRand: four words of state, period at least 2³², fast without 64-bit
 * arithmetic, which JavaScript lacks.
 */
class Sfc32 implements Random {
  constructor(private words: [number, number, number, number]) {}

  get state(): RandomState {
    return [...this.words];
  }

  restore(state: RandomState): void {
    this.words = [...state];
  }

  next(): number {
    const [a, b, c, counter] = this.words;
    const sum = (((a + b) | 0) + counter) | 0;
    const rotated = (c << 21) | (c >>> 11);
    this.words = [b ^ (b >>> 9), (c + (c << 3)) | 0, (rotated + sum) | 0, (counter + 1) | 0];
    return (sum >>> 0) / 2 ** 32;
  }

  integer(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Box and Muller's transform; the second of its two values is dropped, so that the state stays four words. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** Fisher and Yates. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last -= 1) {
      const other = this.integer(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
    }
    return shuffled;
  }
}

export function createRandom(seed: number): Random {
  const random = new Sfc32([0, seed | 0, (seed / 2 ** 32) | 0, 1]);
  for (let round = 0; round < MIXING_ROUNDS; round += 1) random.next();
  return random;
}

/**
 * A seed of its own for a purpose (an epoch, a stream), so that drawing more numbers for one does not move the
 * others. Mixes each part in with MurmurHash3's 32-bit finaliser.
 */
export function deriveSeed(seed: number, ...parts: readonly number[]): number {
  return parts.reduce((hash, part) => mix(mix(hash) ^ (part + 0x9e3779b9)), seed) >>> 0;
}

function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
