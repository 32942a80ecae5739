import { discardCheckpoints } from '../../artifacts/checkpoint-folder.js';
import { deleteGalleries } from '../../artifacts/gallery-store.js';
import { readManifest } from '../../artifacts/manifest.js';
import { withdrawArtifacts } from '../../artifacts/publish.js';
import { eachJob } from '../../jobs/each-job.js';
import { JOB_STATES } from '../../jobs/job-record.js';
import { TERMINAL_STATES } from '../../jobs/job-state.js';
import type { JobStore } from '../../jobs/job-store.js';
import { ModelMarks } from '../../jobs/model-marks.js';
import type { ApiContext } from '../api-context.js';
import { findJob, maySeeArtifacts, noSuchJob, ownerOf } from '../find-job.js';
import { Problem } from '../problem.js';
import type { Submitter } from '../submission.js';

/**
 * Deletes a job with all that it published.
 * @throws Problem 404 without such a job, 409 while it goes on, while an evaluation needs its model or an alias points to it
 */
export async function deleteJobWithArtifacts(
  { store, artifactsDir, redis, queuePrefix }: ApiContext,
  id: string,
  { caller, log }: Submitter,
): Promise<void> {
  const manifest = await readManifest(artifactsDir, id);
  if (manifest !== null && !maySeeArtifacts(caller, manifest)) throw noSuchJob(id);
  const job = manifest === null ? await findJob(store, id, caller) : await store.get(id);
  if (job !== null && !TERMINAL_STATES.includes(job.state)) {
    const detail = `Expected a job that is over, found one that is ${job.state}; cancel it first.`;
    throw new Problem(409, 'job-is-not-over', detail);
  }
  const user = await findUser(store, id);
  if (user !== null) {
    throw new Problem(
      409,
      'model-in-use',
      `Expected a model that no job needs, found job "${user}" using it.`,
    );
  }
  const marks = new ModelMarks(
    redis,
    queuePrefix,
    job?.owner ?? (manifest ? ownerOf(manifest) : caller.owner),
  );
  const alias = await marks.claimDeletion(id);
  if (alias !== null) {
    const detail = `Expected a model that no alias points to, found "${alias}"; move or remove it first.`;
    throw new Problem(409, 'model-has-alias', detail);
  }
  // The record last: a crash in between leaves something that can be deleted again.
  await withdrawArtifacts(artifactsDir, { jobId: id, attempt: job?.attempt ?? manifest?.attempt ?? 0 });
  await discardCheckpoints(artifactsDir, { jobId: id, attempt: Number.POSITIVE_INFINITY });
  await deleteGalleries(artifactsDir, id);
  await marks.forget(id);
  await store.delete(id);
  log.info({ jobId: id }, 'job deleted');
}

/** An evaluation of this model that is not over. */
async function findUser(store: JobStore, model: string): Promise<string | null> {
  for (const state of JOB_STATES) {
    if (TERMINAL_STATES.includes(state)) continue;
    for await (const job of eachJob(store, { kind: 'evaluate', state })) {
      if (job.kind === 'evaluate' && job.request.model === model) return job.id;
    }
  }
  return null;
}
