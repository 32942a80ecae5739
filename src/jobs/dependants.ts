import { JobError } from './job-error.js';
import type { JobQueue } from './job-queue.js';
import type { JobRecord } from './job-record.js';
import { TERMINAL_STATES } from './job-state.js';
import type { JobStore } from './job-store.js';

/** What a job that waits for another has to do: go on waiting, go into the queue, or fail. */
export function judgeDependency(id: string, dependency: JobRecord | null): 'wait' | 'go' | JobError {
  if (dependency?.state === 'succeeded') return 'go';
  if (dependency !== null && !TERMINAL_STATES.includes(dependency.state)) return 'wait';
  const found =
    dependency === null
      ? 'that it is gone'
      : `that it is ${dependency.state}${dependency.error ? `: ${dependency.error.message}` : ''}`;
  const message = `Expected job ${id}, which this one waits for, to succeed; found ${found}`;
  return new JobError('dependency_failed', dependency?.error?.fault ?? 'user', message);
}

/** Does what has to be done for a queued job that waits for another. @returns what that was */
export async function settleDependant(
  store: JobStore,
  queue: JobQueue,
  job: JobRecord,
): Promise<'wait' | 'enqueued' | 'ended'> {
  if (job.dependsOn === null) throw new Error(`Expected a job that depends on another, found ${job.id}.`);
  const verdict = judgeDependency(job.dependsOn, await store.get(job.dependsOn));
  if (verdict === 'wait') return 'wait';
  if (verdict === 'go') {
    await queue.enqueue(job);
    return 'enqueued';
  }
  await store.fail(job.id, job.attempt, verdict, verdict.message, 'service');
  return 'ended';
}

/** Sees to the jobs that wait for this one, if it is over. Reconciling does the same later, should this be cut off. */
export async function settleDependants(store: JobStore, queue: JobQueue, id: string): Promise<void> {
  const job = await store.get(id);
  if (job === null || !TERMINAL_STATES.includes(job.state)) return;
  for (const dependantId of job.dependants) {
    const dependant = await store.get(dependantId);
    if (dependant?.state === 'queued') await settleDependant(store, queue, dependant);
  }
}
