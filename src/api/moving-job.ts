import type { JobQueue } from '../jobs/job-queue.js';
import { Problem } from './problem.js';
import type { Submitter } from './submission.js';

/** How often a job may change state under our hands before we give up; each round needs a worker to act in between. */
export const ROUNDS = 5;

/** After that many rounds. */
export function jobIsMoving(): Problem {
  return new Problem(
    409,
    'job-is-moving',
    'Expected a job that rests in a state, found one that kept changing it.',
  );
}

/**
 * Takes a job that has just left `queued` out of the queue. The record decides: an entry that could not be removed is
 * dropped by the worker that takes it.
 */
export async function leaveQueue(
  queue: JobQueue,
  id: string,
  { log }: Pick<Submitter, 'log'>,
): Promise<void> {
  await queue.remove(id).catch((error: unknown) => log.warn({ err: error, jobId: id }, 'entry not removed'));
}
