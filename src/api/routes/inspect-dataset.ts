import type { Api, ApiContext } from '../api-context.js';
import { asInput } from '../input-schema.js';
import { InspectBody } from '../job-bodies.js';
import { JobRef } from '../job-view.js';
import { acceptedJob, problems } from '../responses.js';
import { IdempotencyHeaders, submitOnce } from '../submit-once.js';
import { answerAccepted } from './submit-jobs.js';

// Both can be sent as they stand once the demo's photographs are cut.
const examples = [
  { dataset: 'demo/train', testDataset: 'demo/test', training: { epochs: 5, batchSize: 16 } },
  { dataset: 'demo/train' },
];

export function inspectDatasetRoute(app: Api, context: ApiContext): void {
  app.post(
    '/datasets/inspect',
    {
      schema: {
        tags: ['datasets'],
        summary: 'Inspect a dataset before training on it',
        description:
          "Decodes every image once and answers in the job's result, and in full in its artifact `report.json`: classes and " +
          'images, unreadable files, small classes, exact duplicates within the dataset, across its split and across ' +
          '`testDataset`, sizes and colours. With `training` (an empty object stands for all defaults) it says whether that ' +
          'training could start, how it would split the images, and what memory and time it would take.',
        headers: IdempotencyHeaders,
        body: { ...asInput(InspectBody), examples },
        response: { ...acceptedJob(JobRef), ...problems(400, 409, 413, 415, 422, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const { options, ...inspection } = request.body;
      const submission = { kind: 'inspect', request: inspection, options } as const;
      return answerAccepted(context, reply, await submitOnce(context, request, () => submission));
    },
  );
}
