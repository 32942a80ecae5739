import { expect, it } from 'vitest';
import { activeMillis } from '../../src/jobs/active-time.js';
import type { JobState } from '../../src/jobs/job-record.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');
const history = (...steps: [JobState, number][]) =>
  steps.map(([state, seconds]) => {
    return { state, at: new Date(START + 1000 * seconds).toISOString(), cause: 'Test.', actor: 'test' };
  });
const at = (seconds: number) => START + 1000 * seconds;

it('counts the time in which workers held the job, all attempts together', () => {
  const twice = history(['queued', 0], ['starting', 10], ['running', 12], ['queued', 20], ['starting', 50]);
  expect(activeMillis(twice, at(53))).toBe(1000 * (10 + 3));
});

it('counts neither waiting nor pauses, and nothing after the end', () => {
  const paused = history(['queued', 0], ['starting', 5], ['pausing', 7], ['paused', 8], ['queued', 100]);
  expect(activeMillis(paused, at(200))).toBe(3000);
  expect(activeMillis(history(['queued', 0], ['starting', 1], ['failed', 4]), at(99))).toBe(3000);
  expect(activeMillis([], at(9))).toBe(0);
});

it('counts times that run backwards as none', () => {
  expect(activeMillis(history(['starting', 10], ['running', 8], ['failed', 9]), at(20))).toBe(1000);
});
