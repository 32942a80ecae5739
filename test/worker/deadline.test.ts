import { afterEach, expect, it, vi } from 'vitest';
import { setLongTimeout } from '../../src/worker/deadline.js';

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
