import { settleDependant } from '../../jobs/dependants.js';
import type { JobRecord } from '../../jobs/job-record.js';
import type { Api, ApiContext } from '../api-context.js';
import { findJob } from '../find-job.js';
import { JobRef, toJobView } from '../job-view.js';
import { jobIsMoving, leaveQueue, ROUNDS } from '../moving-job.js';
import { Problem } from '../problem.js';
import { JobParams, json, problems } from '../responses.js';
import type { Submitter } from '../submission.js';

export function pauseJobRoutes(app: Api, context: ApiContext): void {
  app.post(
    '/jobs/:id/pause',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Pause a job',
        description:
          'A waiting job is paused at once. A job that a worker holds becomes `pausing`; a training takes a checkpoint, its trainer ' +
          'ends within seconds and the worker is free for others. Asking again is allowed.',
        params: JobParams,
        response: {
          200: json(JobRef, 'The job is paused.'),
          202: json(JobRef, 'The worker was told to pause it.'),
          ...problems(400, 404, 409, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const job = await pause(context, request.params.id, request);
      return reply.code(job.state === 'paused' ? 200 : 202).send(toJobView(job, null));
    },
  );

  app.post(
    '/jobs/:id/resume',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Go on with a paused job',
        description:
          'Puts it back into the queue. A training goes on from its last checkpoint, another job begins anew.',
        params: JobParams,
        response: {
          200: json(JobRef, 'The job waits for a worker.'),
          ...problems(400, 404, 409, 413, 415, 500, 503),
        },
      },
    },
    async (request) => toJobView(await resume(context, request.params.id, request), null),
  );
}

async function pause(context: ApiContext, id: string, { caller, log }: Submitter): Promise<JobRecord> {
  const { store, queue } = context;
  const cause = 'Paused through the API.';
  for (let round = 0; round < ROUNDS; round += 1) {
    const job = await findJob(store, id, caller);
    if (job.state === 'paused') return job;
    if (job.state === 'queued') {
      if (!(await store.transition(id, 'paused', cause)).moved) continue;
      await leaveQueue(queue, id, { log });
      return findJob(store, id, caller);
    }
    if (job.state !== 'pausing') {
      const outcome = await store.transition(id, 'pausing', cause);
      if (!outcome.moved && outcome.state === job.state) throw notIn(['queued', 'starting', 'running'], job);
      if (!outcome.moved) continue;
    }
    await queue.requestPause(id);
    return findJob(store, id, caller);
  }
  throw jobIsMoving();
}

async function resume({ store, queue }: ApiContext, id: string, { caller }: Submitter): Promise<JobRecord> {
  const job = await findJob(store, id, caller);
  if (job.state !== 'paused') throw notIn(['paused'], job);
  const outcome = await store.transition(id, 'queued', 'Resumed through the API.');
  if (!outcome.moved) throw notIn(['paused'], await findJob(store, id, caller));
  const resumed = await findJob(store, id, caller);
  if (resumed.dependsOn === null) await queue.enqueue(resumed);
  else await settleDependant(store, queue, resumed);
  return findJob(store, id, caller);
}

function notIn(expected: readonly string[], { state }: JobRecord): Problem {
  const detail = `Expected a job that is ${expected.join(', ')}; found one that is ${state}.`;
  return new Problem(409, 'wrong-state', detail);
}
