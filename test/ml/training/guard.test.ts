import { describe, expect, it } from 'vitest';
import {
  GUARD_START,
  type GuardState,
  type GuardStep,
  type GuardVerdict,
  judge,
} from '../../../src/ml/training/guard.js';

const options = { classCount: 10, retries: 2 };
const well = (index: number): GuardStep => ({
  loss: 5 - index * 0.01,
  accuracy: 0.4,
  marginFactor: 1,
  isWarmingUp: false,
});

/** Judges `count` steps, the state going from one to the next as it does through a file. */
function judgeAll(stepAt: (index: number) => GuardStep, count: number, start: GuardState = GUARD_START) {
  const verdicts: GuardVerdict[] = [];
  let state = start;
  for (let index = 0; index < count; index += 1) {
    const verdict = judge(state, stepAt(index), options);
    verdicts.push(verdict);
    state = JSON.parse(JSON.stringify(verdict.state));
  }
  return { state, actions: verdicts.map(({ action }) => action), last: verdicts.at(-1) };
}
const constant = (loss: number, accuracy: number): GuardStep => ({ ...well(0), loss, accuracy });

describe('the guard', () => {
  it('keeps a state every 50 steps of a run that learns', () => {
    const { actions } = judgeAll(well, 120);
    expect(actions.flatMap((action, index) => (action === 'keep' ? [index + 1] : []))).toEqual([50, 100]);
    expect(new Set(actions)).toEqual(new Set(['go_on', 'keep']));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'goes back at once on a loss of %s, at a fifth of the rate',
    (loss) => {
      const { state } = judgeAll(well, 30);
      const verdict = judge(state, constant(loss, 0.4), options);
      expect(verdict).toMatchObject({ action: 'roll_back', reason: 'not_finite' });
      expect(verdict.state).toMatchObject({ rateFactor: 0.2, rollbacks: 1, recent: [] });
    },
  );

  it('gives up after its retries', () => {
    const { actions } = judgeAll(() => constant(Number.NaN, 0), 3);
    expect(actions).toEqual(['roll_back', 'roll_back', 'give_up']);
    expect(judge(GUARD_START, constant(Number.NaN, 0), { ...options, retries: 0 }).action).toBe('give_up');
  });

  it('notices a loss near 0 with most images wrong, over 20 steps and not over 19', () => {
    // Without a fallback, ArcFace with all logits at −s has a loss of 0.0036 for 10 classes.
    const collapsed = () => constant(0.0036, 0.1);
    expect(judgeAll(collapsed, 19).last?.action).toBe('go_on');
    expect(judgeAll(collapsed, 20).last).toMatchObject({ action: 'roll_back', reason: 'collapsed' });
    expect(judgeAll(() => constant(0.0036, 0.98), 300).actions).not.toContain('roll_back');
  });

  it('notices a loss that stays at log C with the accuracy of chance, over 100 steps after the warm-up', () => {
    const flat = () => constant(Math.log(10) * 1.01, 0.1);
    expect(judgeAll(flat, 99).last?.action).toBe('go_on');
    expect(judgeAll(flat, 100).last).toMatchObject({ action: 'roll_back', reason: 'flat' });
    expect(judgeAll(() => ({ ...flat(), isWarmingUp: true }), 200).actions).not.toContain('roll_back');
    expect(judgeAll(() => constant(Math.log(10), 0.3), 200).actions).not.toContain('roll_back');
  });

  it('notices a loss above that of the untrained network, and not one that falls slowly at low accuracy', () => {
    const rising = (index: number) => constant(index < 20 ? 17 : 25, 0.1);
    expect(judgeAll(rising, 120).actions.indexOf('roll_back')).toBe(99);
    const falling = (index: number) => constant(17 - index * 0.001, 0.05);
    expect(judgeAll(falling, 1000).actions).not.toContain('roll_back');
  });

  it('does not compare losses under different margins', () => {
    const growing = (index: number): GuardStep => ({
      ...constant(2 + index * 0.1, 0.1),
      marginFactor: Math.min(1, index / 150),
    });
    expect(judgeAll(growing, 150).actions).not.toContain('roll_back');
  });

  it('keeps no state while the loss is worse than at first, or the network says nothing', () => {
    const worse = (index: number) => constant(index < 20 ? 5 : 6.5, 0.5);
    expect(judgeAll(worse, 80).actions).not.toContain('keep');
    expect(judgeAll(() => constant(Math.log(10), 0.1), 99).actions).not.toContain('keep');
  });
});
