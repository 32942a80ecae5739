import { describe, expect, it } from 'vitest';
import { bestThreshold } from '../../../../src/ml/evaluation/metrics/best-threshold.js';
import { bootstrapIntervals, quantile } from '../../../../src/ml/evaluation/metrics/bootstrap.js';
import { countByScore, type ScoreCounts } from '../../../../src/ml/evaluation/metrics/score-counts.js';

const OPTIONS = { samples: 1000, seed: 1, level: 0.95 };
/** Share of the genuine pairs at score 1: the mean of coin tosses, whose spread is known. */
const shareAtOne = ({ genuine, thresholds, genuinePairs }: ScoreCounts) => ({
  share: (genuine[thresholds.indexOf(1)] ?? 0) / genuinePairs,
});
const tosses = countByScore({
  scores: Array.from({ length: 400 }, (_, i) => i % 2),
  genuine: new Array(400).fill(1),
});

describe('bootstrapIntervals', () => {
  it('is as wide as the normal approximation of a binomial', async () => {
    const { share } = await bootstrapIntervals(tosses, shareAtOne, OPTIONS);
    const halfWidth = 1.96 * Math.sqrt(0.25 / 400);
    expect(share?.low).toBeGreaterThan(0.5 - 1.2 * halfWidth);
    expect(share?.low).toBeLessThan(0.5 - 0.8 * halfWidth);
    expect(share?.high).toBeGreaterThan(0.5 + 0.8 * halfWidth);
    expect(share?.high).toBeLessThan(0.5 + 1.2 * halfWidth);
  });

  it('follows its seed, its level and nothing else', async () => {
    const of = (changes: object) => bootstrapIntervals(tosses, shareAtOne, { ...OPTIONS, ...changes });
    const base = await of({});
    expect(await of({})).toEqual(base);
    expect(await of({ seed: 2 })).not.toEqual(base);
    expect((await of({ level: 0.5 })).share?.low).toBeGreaterThan(base.share?.low ?? 1);
  });

  it('draws genuine and impostor pairs each as many as there are', async () => {
    const counts = countByScore({ scores: [1, 2, 2, 3], genuine: [1, 1, 0, 0] });
    const sums: number[] = [];
    const sum = ({ genuine, impostor }: ScoreCounts) => {
      sums.push(
        genuine.reduce((a, b) => a + b),
        impostor.reduce((a, b) => a + b),
      );
      return { sum: 0 };
    };
    await bootstrapIntervals(counts, sum, { ...OPTIONS, samples: 5 }); // and once for the pairs as they are
    expect(sums).toEqual(new Array(12).fill(2));
  });

  it('has no interval of what is not always known, of nothing, and without samples', async () => {
    const nothing = countByScore({ scores: [], genuine: [] });
    const best = (counts: ScoreCounts) => ({ best: bestThreshold(counts)?.accuracy ?? null });
    expect(await bootstrapIntervals(nothing, best, OPTIONS)).toEqual({ best: null });
    expect(await bootstrapIntervals(tosses, shareAtOne, { ...OPTIONS, samples: 0 })).toEqual({
      share: null,
    });
  });

  it('ends when its caller throws between two samples', async () => {
    let calls = 0;
    const between = () => {
      calls += 1;
      if (calls === 3) throw new Error('enough');
    };
    await expect(bootstrapIntervals(tosses, shareAtOne, { ...OPTIONS, between })).rejects.toThrow('enough');
  });
});

describe('quantile', () => {
  it.each([
    [0, 1],
    [0.25, 1.75],
    [0.5, 2.5],
    [1, 4],
  ])('at %d of 1, 2, 3, 4 is %d', (share, expected) => {
    expect(quantile([1, 2, 3, 4], share)).toBe(expected);
  });
});
