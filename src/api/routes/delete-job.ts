import { readManifest } from '../../artifacts/manifest.js';
import { withdrawArtifacts } from '../../artifacts/publish.js';
import { eachJob } from '../../jobs/each-job.js';
import { JOB_STATES } from '../../jobs/job-record.js';
import { TERMINAL_STATES } from '../../jobs/job-state.js';
import type { JobStore } from '../../jobs/job-store.js';
import type { Api, ApiContext } from '../api-context.js';
import { findJob } from '../find-job.js';
import { Problem } from '../problem.js';
import { JobParams, problems } from '../responses.js';

export function deleteJobRoute(app: Api, { store, artifactsDir }: ApiContext): void {
  app.delete(
    '/jobs/:id',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Delete a job with its artifacts',
        description:
          'Only a job that is over, and no model that an evaluation still needs (409). Also removes artifacts whose record is gone.',
        params: JobParams,
        response: {
          204: { type: 'null', description: 'Nothing of the job is left.' },
          ...problems(400, 404, 409, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const manifest = await readManifest(artifactsDir, id);
      const job = manifest === null ? await findJob(store, id) : await store.get(id);
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
      // The record last: a crash in between leaves something that can be deleted again.
      await withdrawArtifacts(artifactsDir, { jobId: id, attempt: job?.attempt ?? manifest?.attempt ?? 0 });
      await store.delete(id);
      request.log.info({ jobId: id }, 'job deleted');
      return reply.code(204).send(null);
    },
  );
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
