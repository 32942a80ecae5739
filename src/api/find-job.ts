import type { Manifest } from '../artifacts/manifest.js';
import { LOCAL_OWNER } from '../jobs/api-key.js';
import type { JobRecord } from '../jobs/job-record.js';
import type { JobStore } from '../jobs/job-store.js';
import { type Caller, maySee } from './keys/caller.js';
import { Problem } from './problem.js';

/** The job with this id. @throws Problem 404 when there is none that the caller may know of */
export async function findJob(store: JobStore, id: string, caller: Caller): Promise<JobRecord> {
  const job = await store.get(id);
  if (job === null || !maySee(caller, job.owner)) throw noSuchJob(id);
  return job;
}

/** The same answer for a job that does not exist and for another's, so that it tells nobody which it is. */
export function noSuchJob(id: string): Problem {
  return new Problem(404, 'no-such-job', `Expected the id of a job, found "${id}".`);
}

/** Whose the artifacts are. They outlive the record, so they say it themselves. */
export function ownerOf({ owner = LOCAL_OWNER }: Manifest): string {
  return owner;
}

/** Whether the caller may know of these artifacts. */
export function maySeeArtifacts(caller: Caller, manifest: Manifest): boolean {
  return maySee(caller, ownerOf(manifest));
}
