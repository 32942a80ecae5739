import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../../src/ml/training/schedule.js';

describe('the learning rate', () => {
  const options = { peak: 0.1, warmupSteps: 4, totalSteps: 14 };

  it('climbs to the peak over the warm-up, then falls to near 0', () => {
    const rates = Array.from({ length: 14 }, (_, step) => learningRateAt(step, options));
    expect(rates.slice(0, 5).map((rate) => Number(rate.toFixed(6)))).toEqual([0.025, 0.05, 0.075, 0.1, 0.1]);
    expect(rates.at(-1)).toBeCloseTo(0.01, 10);
    expect(rates.slice(4).every((rate, i, all) => i === 0 || rate < (all[i - 1] ?? 0))).toBe(true);
  });

  it('starts at the peak without warm-up, and only climbs where the warm-up is longer than the run', () => {
    expect(learningRateAt(0, { peak: 0.1, warmupSteps: 0, totalSteps: 10 })).toBe(0.1);
    expect(learningRateAt(4, { peak: 0.1, warmupSteps: 10, totalSteps: 5 })).toBeCloseTo(0.05, 10);
  });
});
