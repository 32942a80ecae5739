import { afterEach, expect, it, vi } from 'vitest';
import type { JobRecord } from '../../src/jobs/job-record.js';
import { setLongTimeout, toDeadline } from '../../src/worker/deadline.js';

afterEach(() => void vi.useRealTimers());

it('waits longer than a timer of Node can, and can be cleared', () => {
  vi.useFakeTimers();
  const act = vi.fn();
  const monthMs = 30 * 86_400_000;
  setLongTimeout(act, monthMs);
  const cleared = vi.fn();
  const timer = setLongTimeout(cleared, monthMs);
  vi.advanceTimersByTime(monthMs - 1);
  expect(act).not.toHaveBeenCalled();
  timer.clear();
  vi.advanceTimersByTime(1);
  expect(act).toHaveBeenCalledOnce();
  expect(cleared).not.toHaveBeenCalled();
});

it("takes the shorter one of the job's own limit and the service's", () => {
  const job = (maxRuntimeSeconds?: number) => {
    const options = maxRuntimeSeconds === undefined ? {} : { maxRuntimeSeconds };
    return { options, transitions: [] } as unknown as JobRecord;
  };
  expect(toDeadline(job(), 0)).toBeNull();
  expect(toDeadline(job(60), 0)?.leftMs).toBe(60_000);
  expect(toDeadline(job(60), 30)?.leftMs).toBe(30_000);
  expect(toDeadline(job(), 30)?.failure.message).toContain('MAX_RUNTIME_SECONDS of 30');
  expect(toDeadline(job(10), 30)?.failure.message).toContain('its maxRuntimeSeconds of 10');
});
