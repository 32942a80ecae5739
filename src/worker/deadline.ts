import { activeMillis } from '../jobs/active-time.js';
import { JobError } from '../jobs/job-error.js';
import type { JobRecord } from '../jobs/job-record.js';

/** Longest time that Node's timers take; a longer one would fire at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export type Deadline = {
  /** Zero or less when the time is up. */
  readonly leftMs: number;
  readonly failure: JobError;
};

/**
 * What is left of the time that a job may run, or null where nothing limits it.
 * @param maxRuntimeSeconds most that the service allows any job; 0 for any time
 */
export function toDeadline(
  job: JobRecord | null,
  maxRuntimeSeconds = 0,
  nowMs: number = Date.now(),
): Deadline | null {
  if (job === null) return null;
  const own = job.options.maxRuntimeSeconds ?? Number.POSITIVE_INFINITY;
  const allowed = maxRuntimeSeconds === 0 ? Number.POSITIVE_INFINITY : maxRuntimeSeconds;
  const limit = Math.min(own, allowed);
  if (limit === Number.POSITIVE_INFINITY) return null;
  const source = own <= allowed ? 'its maxRuntimeSeconds' : "the service's MAX_RUNTIME_SECONDS";
  const message = `Expected the job to end within ${source} of ${limit}; found it still at work.`;
  const failure = new JobError('deadline_exceeded', 'user', message);
  return { leftMs: 1000 * limit - activeMillis(job.transitions, nowMs), failure };
}

/** A timer for any number of milliseconds. */
export function setLongTimeout(act: () => void, ms: number): { clear(): void } {
  let left = ms;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const part = Math.min(left, LONGEST_TIMEOUT_MS);
    left -= part;
    timer = setTimeout(() => (left > 0 ? wait() : act()), part);
  };
  wait();
  return { clear: () => clearTimeout(timer) };
}
