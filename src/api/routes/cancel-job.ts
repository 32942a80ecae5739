import { discardCheckpoints } from '../../artifacts/checkpoint-folder.js';
import { settleDependants } from '../../jobs/dependants.js';
import type { JobRecord } from '../../jobs/job-record.js';
import { TERMINAL_STATES } from '../../jobs/job-state.js';
import type { Api, ApiContext } from '../api-context.js';
import { findJob } from '../find-job.js';
import { JobRef, toJobView } from '../job-view.js';
import { jobIsMoving, leaveQueue, ROUNDS } from '../moving-job.js';
import { Problem } from '../problem.js';
import { JobParams, json, problems } from '../responses.js';
import type { Submitter } from '../submission.js';

const CAUSE = 'Cancelled through the API.';

export function cancelJobRoute(app: Api, context: ApiContext): void {
  app.post(
    '/jobs/:id/cancel',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Stop a job',
        description:
          'A waiting or paused job is cancelled at once. A job that a worker holds becomes `cancelling` and stops within ' +
          'seconds; asking again is allowed. A job that is over stays as it is and is answered with 409.',
        params: JobParams,
        response: {
          200: json(JobRef, 'The job was waiting or paused and is cancelled.'),
          202: json(JobRef, 'The worker was told to stop.'),
          ...problems(400, 404, 409, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const job = await cancel(context, request.params.id, request);
      return reply.code(job.state === 'cancelled' ? 200 : 202).send(toJobView(job, null));
    },
  );
}

async function cancel(context: ApiContext, id: string, { caller, log }: Submitter): Promise<JobRecord> {
  const { store, queue, artifactsDir } = context;
  for (let round = 0; round < ROUNDS; round++) {
    const job = await findJob(store, id, caller);
    if (TERMINAL_STATES.includes(job.state)) {
      throw new Problem(
        409,
        'job-is-over',
        `Expected a job that is not over, found one that is ${job.state}.`,
      );
    }
    if (job.state === 'queued' || job.state === 'paused') {
      if (!(await store.transition(id, 'cancelled', CAUSE)).moved) continue;
      await leaveQueue(queue, id, { log });
      await discardCheckpoints(artifactsDir, { jobId: id, attempt: job.attempt }).catch((error: unknown) =>
        log.warn({ err: error, jobId: id }, 'checkpoints are left to the next sweep'),
      );
      await settleDependants(store, queue, id).catch((error: unknown) =>
        log.warn({ err: error, jobId: id }, 'dependants are left to reconciling'),
      );
      return findJob(store, id, caller);
    }
    if (job.state !== 'cancelling' && !(await store.transition(id, 'cancelling', CAUSE)).moved) continue;
    await queue.requestCancel(id);
    return findJob(store, id, caller);
  }
  throw jobIsMoving();
}
