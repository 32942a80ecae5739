import type { JobRecord } from '../jobs/job-record.js';
import type { JobStore } from '../jobs/job-store.js';
import { Problem } from './problem.js';

/** The job with this id. @throws Problem 404 when there is none. */
export async function findJob(store: JobStore, id: string): Promise<JobRecord> {
  const job = await store.get(id);
  if (job === null) throw new Problem(404, 'no-such-job', `Expected the id of a job, found "${id}".`);
  return job;
}
