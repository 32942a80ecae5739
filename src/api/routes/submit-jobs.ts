import type { FastifyBaseLogger } from 'fastify';
import { DatasetLocationError, resolveDataset } from '../../artifacts/dataset-location.js';
import { checkTrainRequest } from '../../jobs/check-train-request.js';
import type { JobRecord } from '../../jobs/job-record.js';
import { EvaluateRequest, TrainRequest } from '../../jobs/requests.js';
import type { Api, ApiContext } from '../api-context.js';
import { asInput } from '../input-schema.js';
import { JobRef, toJobView } from '../job-view.js';
import { resolveModel } from '../model-reference.js';
import { fieldProblem, fieldsProblem } from '../problem.js';
import { json, problems } from '../responses.js';

const accepted = json(JobRef, 'The job was accepted and waits for a worker.', {
  Location: { type: 'string', description: 'Address of the job.' },
});

// Both can be sent as they stand once the demo's photographs are cut: they train and test on what it writes.
const trainExamples = [{ dataset: 'demo/train', epochs: 5, batchSize: 16 }];
const evaluateExamples = [{ model: 'latest', dataset: 'demo/test', threshold: 0.9, temperature: 5 }];

export function submitJobRoutes(app: Api, context: ApiContext): void {
  const { store } = context;

  app.post(
    '/jobs/train',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Train a model',
        body: { ...asInput(TrainRequest), examples: trainExamples },
        response: { 202: accepted, ...problems(400, 413, 415, 500, 503) },
      },
    },
    async (request, reply) => {
      assertConsistent(request.body);
      await assertDataset(context, request.body.dataset);
      const job = await store.create('train', request.body);
      await hand(context, job, request.log);
      return reply.code(202).header('location', `/jobs/${job.id}`).send(toJobView(job));
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
        body: { ...asInput(EvaluateRequest), examples: evaluateExamples },
        response: { 202: accepted, ...problems(400, 409, 413, 415, 500, 503) },
      },
    },
    async (request, reply) => {
      await assertDataset(context, request.body.dataset);
      const model = await resolveModel(context, request.body.model);
      const job = await store.create('evaluate', { ...request.body, model });
      await hand(context, job, request.log);
      return reply.code(202).header('location', `/jobs/${job.id}`).send(toJobView(job));
    },
  );
}

function assertConsistent(request: TrainRequest): void {
  const faults = checkTrainRequest(request);
  if (faults.length > 0) throw fieldsProblem(faults);
}

async function assertDataset({ datasetRoot }: ApiContext, location: string): Promise<void> {
  try {
    await resolveDataset(datasetRoot, location);
  } catch (error) {
    throw error instanceof DatasetLocationError
      ? fieldProblem('dataset', error.expected, error.found)
      : error;
  }
}

/** Enqueues a job whose record is written. When that fails the job is still accepted: reconciling enqueues it later. */
async function hand({ queue }: ApiContext, job: JobRecord, log: FastifyBaseLogger): Promise<void> {
  log.info({ jobId: job.id, kind: job.kind }, 'job accepted');
  await queue.enqueue(job).catch((error: unknown) => {
    log.warn({ err: error, jobId: job.id }, 'job is recorded but not enqueued yet');
  });
}
