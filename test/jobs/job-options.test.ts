import { expect, it } from 'vitest';
import { DEFAULT_OPTIONS, toQueueOptions } from '../../src/jobs/job-options.js';

const NOW = Date.parse('2026-01-01T00:00:00.000Z');

it('gives BullMQ a lower number for a higher priority, and never 0, which it would put before all others', () => {
  const of = (priority: number) => toQueueOptions({ ...DEFAULT_OPTIONS, priority }, NOW).priority;
  expect([of(100), of(50), of(0)]).toEqual([1, 51, 101]);
});

it('turns a start time into a delay, and one that has passed into none', () => {
  const delayOf = (startAfter: string) => toQueueOptions({ ...DEFAULT_OPTIONS, startAfter }, NOW).delay;
  expect(delayOf('2026-01-01T00:01:00.000Z')).toBe(60_000);
  expect(delayOf('2025-12-31T23:59:00.000Z')).toBe(0);
  expect(toQueueOptions(DEFAULT_OPTIONS, NOW).delay).toBe(0);
});

it('passes tries and pauses on, in milliseconds', () => {
  const options = { ...DEFAULT_OPTIONS, attempts: 7, backoffSeconds: 1.5, backoffJitter: 0.25 };
  expect(toQueueOptions(options, NOW)).toMatchObject({
    attempts: 7,
    backoff: { type: 'exponential', delay: 1500, jitter: 0.25 },
  });
});
