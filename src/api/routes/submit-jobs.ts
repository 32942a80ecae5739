import { EvaluateRequest, TrainRequest } from '../../jobs/requests.js';
import type { Api, ApiContext } from '../api-context.js';
import { asInput } from '../input-schema.js';
import { JobRef, toJobView } from '../job-view.js';
import { acceptedJob, problems } from '../responses.js';
import { submit } from '../submission.js';

// All can be sent as they stand once the demo's photographs are cut: they train and test on what it writes.
const trainExamples = [{ dataset: 'demo/train', epochs: 5, batchSize: 16 }];
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
        body: { ...asInput(TrainRequest), examples: trainExamples },
        response: { 202: acceptedJob(JobRef), ...problems(400, 413, 415, 500, 503) },
      },
    },
    async (request, reply) => {
      const job = await submit(context, { kind: 'train', request: request.body }, request.log);
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
        response: { 202: acceptedJob(JobRef), ...problems(400, 409, 413, 415, 500, 503) },
      },
    },
    async (request, reply) => {
      const job = await submit(context, { kind: 'evaluate', request: request.body }, request.log);
      return reply.code(202).header('location', `/jobs/${job.id}`).send(toJobView(job));
    },
  );
}
