import type { FastifyReply } from 'fastify';
import type { Api, ApiContext } from '../api-context.js';
import { asInput } from '../input-schema.js';
import { EvaluateBody, TrainBody } from '../job-bodies.js';
import { JobRef, type JobView } from '../job-view.js';
import { acceptedJob, problems } from '../responses.js';
import { showJob } from '../show-job.js';
import { type Accepted, IdempotencyHeaders, submitOnce } from '../submit-once.js';

// All can be sent as they stand once the demo's photographs are cut: they train and test on what it writes.
const trainExamples = [
  { dataset: 'demo/train', epochs: 5, batchSize: 16 },
  {
    dataset: 'demo/train',
    epochs: 5,
    evaluate: { dataset: 'demo/test', threshold: 0.5 },
    options: { priority: 80, maxRuntimeSeconds: 3600 },
  },
];
const evaluateExamples = [
  { model: 'latest', dataset: 'demo/test', threshold: 0.9, temperature: 5 },
  {
    model: 'latest',
    dataset: 'demo/test',
    protocols: ['verification', 'identification'],
    flipTest: true,
    identification: { unknownFraction: 0.3 },
  },
];

export function submitJobRoutes(app: Api, context: ApiContext): void {
  app.post(
    '/jobs/train',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Train a model',
        headers: IdempotencyHeaders,
        body: { ...asInput(TrainBody), examples: trainExamples },
        response: { ...acceptedJob(JobRef), ...problems(400, 409, 413, 415, 422, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const { options, evaluate, ...training } = request.body;
      const submission = {
        kind: 'train',
        request: training,
        options,
        ...(evaluate ? { evaluate } : {}),
      } as const;
      return answerAccepted(context, reply, await submitOnce(context, request, () => submission));
    },
  );

  app.post(
    '/jobs/evaluate',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Evaluate a trained model on a dataset',
        description:
          'The model is named by the id of its training job, or `latest` for the newest training that succeeded. ' +
          'A training that has not published its model yet is answered with 409.',
        headers: IdempotencyHeaders,
        body: { ...asInput(EvaluateBody), examples: evaluateExamples },
        response: { ...acceptedJob(JobRef), ...problems(400, 409, 413, 415, 422, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const { options, ...evaluation } = request.body;
      const submission = { kind: 'evaluate', request: evaluation, options } as const;
      return answerAccepted(context, reply, await submitOnce(context, request, () => submission));
    },
  );
}

/** Describes the answer to an accepted job and gives its body. */
export async function answerAccepted(
  context: ApiContext,
  reply: FastifyReply,
  { job, status, isReplayed }: Accepted,
): Promise<JobView> {
  reply.code(status).header('location', `/jobs/${job.id}`);
  if (isReplayed) reply.header('idempotency-replayed', 'true');
  return showJob(context, job);
}
