import { DelayedError, type Job } from 'bullmq';
import type { QueuedJob } from '../jobs/job-queue.js';

/** How long a job that this worker cannot run stays away, so that others get at it. */
const AWAY_MS = 1000;
/** Before all others of the queue: a worker that fits takes it as soon as it has its hands free. */
const FIRST = 1;

/**
 * Puts a job back that needs what this worker does not have. It costs no try, and no attempt number either: the next start counts
 * from one less.
 * @throws DelayedError always, which tells BullMQ that the job has been moved
 */
export async function leaveToOthers(job: Job<QueuedJob>, token: string | undefined): Promise<never> {
  await job.updateData({ ...job.data, attemptBase: job.data.attemptBase - 1 });
  await job.changePriority({ priority: FIRST });
  await job.moveToDelayed(Date.now() + AWAY_MS, token);
  throw new DelayedError();
}
