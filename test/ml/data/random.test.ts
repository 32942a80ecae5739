import { describe, expect, it } from 'vitest';
import { createRandom, deriveSeed } from '../../../src/ml/data/random.js';

/** sfc32 as PractRand's C source has it, in whole numbers of any size, cut to 32 bits where C's uint32_t wraps. */
function* sfc32(seed: bigint): Generator<number> {
  const wrap = (value: bigint) => BigInt.asUintN(32, value);
  let [a, b, c, counter] = [0n, wrap(seed), wrap(seed >> 32n), 1n];
  for (let round = 0; ; round += 1) {
    const output = wrap(a + b + counter);
    counter = wrap(counter + 1n);
    a = b ^ (b >> 9n);
    b = wrap(c + (c << 3n));
    c = wrap((wrap(c << 21n) | (c >> 11n)) + output);
    if (round >= 12) yield Number(output);
  }
}

const draw = (seed: number, count: number) => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('createRandom', () => {
  it.each([0, 1, 42, 2 ** 31, 2 ** 32 - 1, 123_456_789_012_345])('is sfc32 from seed %d', (seed) => {
    const expected = sfc32(BigInt(seed));
    for (const value of draw(seed, 1000)) expect(value * 2 ** 32).toBe(expected.next().value);
  });

  // Printed by PractRand's algorithm compiled as C with uint32_t.
  it.each([
    [0, 0x514676c3, 0x08a809df, 0x30349d2b, 0xfb52c520],
    [1, 0x77eef724, 0x6f99472c, 0x65c86823, 0x6a161a47],
    [42, 0x4b5d663b, 0x7414a19b, 0xe99de5c3, 0x4a934eb2],
    [4294967295, 0x764cad11, 0xdf5ae2cc, 0x4cb9335b, 0x787c4ce1],
    [123456789012345, 0x2e364175, 0x380925ab, 0x60fa7913, 0x14cdef6f],
  ])('begins from seed %d as the C program does', (seed, ...words) => {
    expect(draw(seed, 4).map((value) => value * 2 ** 32)).toEqual(words);
  });

  it('gives the same numbers from the same seed and others from another', () => {
    expect(draw(7, 20)).toEqual(draw(7, 20));
    expect(draw(7, 20)).not.toEqual(draw(8, 20));
  });

  it('goes on from a kept state, which later draws leave as it was', () => {
    const random = createRandom(5);
    random.normal();
    const state = random.state;
    const next = [random.next(), random.next(), random.normal()];
    const restored = createRandom(6);
    restored.restore(state);
    expect([restored.next(), restored.next(), restored.normal()]).toEqual(next);
    restored.restore(JSON.parse(JSON.stringify(state)));
    expect(restored.next()).toBe(next[0]);
  });

  it('draws whole numbers evenly below the limit', () => {
    const random = createRandom(3);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i += 1) {
      const drawn = random.integer(6);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    expect(counts).toHaveLength(6);
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('draws normal numbers of mean 0 and variance 1, 68 % of them within one deviation', () => {
    const random = createRandom(11);
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
    expect(values.filter((value) => Math.abs(value) < 1).length / values.length).toBeCloseTo(0.6827, 2);
  });
});

describe('shuffle', () => {
  it('keeps every item once and leaves the given array alone', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const shuffled = createRandom(1).shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect(shuffled.toSorted((a, b) => a - b)).toEqual(items);
    expect(items).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(createRandom(1).shuffle([])).toEqual([]);
    expect(createRandom(1).shuffle(['one'])).toEqual(['one']);
  });

  it('gives each of the 24 orders of four items about as often', () => {
    const random = createRandom(2);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i += 1) {
      const order = random.shuffle([0, 1, 2, 3]).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // Chi-squared with 23 degrees of freedom passes 49.7 once in a thousand.
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(49.7);
  });
});

describe('deriveSeed', () => {
  it('gives each purpose a seed of its own', () => {
    const seeds = new Set<number>();
    for (let seed = 0; seed < 30; seed += 1) {
      for (let part = 0; part < 30; part += 1) {
        seeds.add(deriveSeed(seed, part));
        seeds.add(deriveSeed(seed, part, 1));
      }
    }
    expect(seeds.size).toBe(1800);
    for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
  });

  it('depends on the order of the parts and on nothing else', () => {
    expect(deriveSeed(1, 2, 3)).toBe(deriveSeed(1, 2, 3));
    expect(deriveSeed(1, 2, 3)).not.toBe(deriveSeed(1, 3, 2));
  });

  it('gives neighbouring seeds streams that do not resemble each other', () => {
    const [one, two] = [draw(deriveSeed(1, 0), 1000), draw(deriveSeed(1, 1), 1000)];
    const correlation =
      one.reduce((sum, value, i) => sum + (value - 0.5) * ((two[i] ?? 0) - 0.5), 0) / (1000 / 12);
    expect(Math.abs(correlation)).toBeLessThan(0.12);
  });
});
