import { describe, expect, it } from 'vitest';
import {
  type Decay,
  learningRateAt,
  marginFactorAt,
  type ScheduleOptions,
} from '../../../src/ml/training/schedule.js';

const base: ScheduleOptions = {
  peak: 0.1,
  final: 0,
  warmupSteps: 4,
  stepsPerEpoch: 5,
  totalSteps: 14,
  decay: { kind: 'polynomial', power: 1 },
};
const ratesOf = (changes: Partial<ScheduleOptions>, steps: readonly number[]) =>
  steps.map((step) => Number(learningRateAt(step, { ...base, ...changes }).toFixed(6)));

describe('the learning rate', () => {
  it('climbs to the peak over the warm-up, then falls to near 0', () => {
    const rates = ratesOf({}, [...Array(14).keys()]);
    expect(rates.slice(0, 5)).toEqual([0.025, 0.05, 0.075, 0.1, 0.1]);
    expect(rates.at(-1)).toBeCloseTo(0.01, 10);
    expect(rates.slice(4).every((rate, i, all) => i === 0 || rate < (all[i - 1] ?? 0))).toBe(true);
  });

  it('starts at the peak without warm-up, and only climbs where the warm-up is longer than the run', () => {
    expect(ratesOf({ warmupSteps: 0 }, [0])).toEqual([0.1]);
    expect(ratesOf({ warmupSteps: 10, totalSteps: 5 }, [4])).toEqual([0.05]);
  });

  // By hand: 4 steps of warm-up, then 10; step 9 is half of the way, step 14 its end.
  it.each<[Decay, Partial<ScheduleOptions>, number[]]>([
    [{ kind: 'polynomial', power: 2 }, {}, [0.1, 0.025, 0]],
    [{ kind: 'polynomial', power: 1 }, { final: 0.02 }, [0.1, 0.06, 0.02]],
    [{ kind: 'cosine' }, {}, [0.1, 0.05, 0]],
    [{ kind: 'cosine' }, { final: 0.02 }, [0.1, 0.06, 0.02]],
    [{ kind: 'constant' }, {}, [0.1, 0.1, 0.1]],
    [{ kind: 'step', milestones: [1, 2.4], gamma: 0.1 }, {}, [0.1, 0.01, 0.001]],
  ])('falls by %j', (decay, changes, expected) => {
    expect(ratesOf({ ...changes, decay }, [4, 9, 14])).toEqual(expected);
  });

  it('falls at the milestone and not a step earlier', () => {
    const decay: Decay = { kind: 'step', milestones: [2], gamma: 0.5 };
    expect(ratesOf({ decay }, [9, 10])).toEqual([0.1, 0.05]);
  });

  it('stays at the final rate after the last step', () => {
    expect(ratesOf({ decay: { kind: 'cosine' }, final: 0.02 }, [15, 1000])).toEqual([0.02, 0.02]);
  });
});

it('the margin is away in the softmax stage, then grows in equal steps and stays whole', () => {
  const stages = { softmaxSteps: 2, warmupSteps: 3 };
  const factors = [...Array(7).keys()].map((step) => marginFactorAt(step, stages));
  expect(factors).toEqual([0, 0, 0.25, 0.5, 0.75, 1, 1]);
  expect(marginFactorAt(0, { softmaxSteps: 0, warmupSteps: 0 })).toBe(1);
});
