import { Type } from 'typebox';
import { hasCheckpoints } from '../../artifacts/checkpoint-folder.js';
import type { JobRecord, JobState } from '../../jobs/job-record.js';
import type { Api, ApiContext } from '../api-context.js';
import { type Changes, cloneRequest } from '../clone-request.js';
import { findJob } from '../find-job.js';
import { JobRef } from '../job-view.js';
import { Problem } from '../problem.js';
import { acceptedJob, JobParams, problems } from '../responses.js';
import type { Submission } from '../submission.js';
import { IdempotencyHeaders, submitOnce } from '../submit-once.js';
import { answerAccepted } from './submit-jobs.js';

const RETRIED: readonly JobState[] = ['failed', 'cancelled'];

const CloneBody = Type.Unsafe<Changes | null>({
  type: ['object', 'null'],
  description:
    'Fields of the request of a job of this kind. Each replaces its own; null takes it back to its default. What is left out stays.',
  examples: [{ epochs: 60, learningRate: 0.02, seed: null }],
});

const RetryBody = Type.Unsafe<{ readonly from?: 'start' | 'checkpoint' } | null>({
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    from: {
      enum: ['start', 'checkpoint'],
      type: 'string',
      description:
        '`checkpoint` goes on from the last one of a training that has failed; 409 where it left none. Left out: start.',
    },
  },
  examples: [{ from: 'checkpoint' }],
});

export function repeatJobRoutes(app: Api, context: ApiContext): void {
  app.post(
    '/jobs/:id/retry',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Run a failed or cancelled job again',
        description:
          'Makes a new job of the same request, which starts from the beginning or from the last checkpoint: a job that is over stays as it is. Its `origin` ' +
          'names the old one.',
        params: JobParams,
        body: RetryBody,
        headers: IdempotencyHeaders,
        response: { ...acceptedJob(JobRef), ...problems(400, 404, 409, 413, 415, 422, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const original = await findJob(context.store, request.params.id, request.caller);
      if (!RETRIED.includes(original.state)) {
        const detail = `Expected a job that has failed or was cancelled, found one that is ${original.state}.`;
        throw new Problem(409, 'not-retriable', detail);
      }
      const fromCheckpoint = request.body?.from === 'checkpoint';
      if (fromCheckpoint && !(await hasCheckpoints(context.artifactsDir, original.id))) {
        throw new Problem(409, 'no-checkpoint', 'Expected a job that left a checkpoint, found one without.');
      }
      const retry = () => toRetry(original, fromCheckpoint);
      return answerAccepted(context, reply, await submitOnce(context, request, retry));
    },
  );

  app.post(
    '/jobs/:id/clone',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Make a new job from an old one, with changes',
        description: 'Allowed in every state. The new job is checked as if it had been sent whole.',
        params: JobParams,
        body: CloneBody,
        headers: IdempotencyHeaders,
        response: { ...acceptedJob(JobRef), ...problems(400, 404, 409, 413, 415, 422, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const original = await findJob(context.store, request.params.id, request.caller);
      const clone = () => cloneRequest(original, request.body ?? {});
      return answerAccepted(context, reply, await submitOnce(context, request, clone));
    },
  );
}

function toRetry(job: JobRecord, fromCheckpoint: boolean): Submission {
  const { options } = job;
  const from = fromCheckpoint ? ({ from: 'checkpoint' } as const) : {};
  const origin = { jobId: job.id, how: 'retry', ...from } as const;
  // A job's request belongs to its kind, which the compiler loses track of.
  return { kind: job.kind, request: job.request, options, origin } as Submission;
}
