import { DelayedError, type Job } from 'bullmq';
import type { QueuedJob } from '../jobs/job-queue.js';

/** How long a job that this worker cannot run stays away, so that others get at it. */
const AWAY_MS = 1000;
/** How long one stays away that waits for another job of its owner to end. */
const OWNER_AWAY_MS = 2000;
/** Before all others of the queue: a worker that fits takes it as soon as it has its hands free. */
const FIRST = 1;

/**
 * Puts a job back whose owner has as many running jobs as allowed. It costs no try, and no attempt number either: the next start counts
 * from one less.
 * @throws DelayedError always, which tells BullMQ that the job has been moved
 */
export async function leaveForLater(job: Job<QueuedJob>, token: string | undefined): Promise<never> {
  return putBack(job, token, OWNER_AWAY_MS);
}

/** As `leaveForLater`, for a job that needs what this worker does not have. @throws DelayedError always */
export async function leaveToOthers(job: Job<QueuedJob>, token: string | undefined): Promise<never> {
  await job.changePriority({ priority: FIRST });
  return putBack(job, token, AWAY_MS);
}

async function putBack(job: Job<QueuedJob>, token: string | undefined, awayMs: number): Promise<never> {
  await job.updateData({ ...job.data, attemptBase: job.data.attemptBase - 1 });
  await job.moveToDelayed(Date.now() + awayMs, token);
  throw new DelayedError();
}
