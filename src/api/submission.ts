import type { FastifyBaseLogger } from 'fastify';
import { DatasetLocationError, resolveDataset } from '../artifacts/dataset-location.js';
import { checkEvaluateRequest, completeEvaluateRequest } from '../jobs/check-evaluate-request.js';
import { checkTrainRequest } from '../jobs/check-train-request.js';
import type { JobOrigin, JobRecord } from '../jobs/job-record.js';
import type { EvaluateRequest, TrainRequest } from '../jobs/requests.js';
import type { ApiContext } from './api-context.js';
import { assertCalibration } from './calibration-reference.js';
import { resolveModel } from './model-reference.js';
import { fieldProblem, fieldsProblem } from './problem.js';

/** What a client asks for, its fields checked and its defaults filled in. */
export type Submission = { readonly origin?: JobOrigin } & (
  | { readonly kind: 'train'; readonly request: TrainRequest }
  | { readonly kind: 'evaluate'; readonly request: EvaluateRequest }
);

/**
 * Accepts a job: what the fields say together and the places they name are checked, then the record is written, then
 * the job is enqueued. When only enqueueing fails it is accepted too: reconciling enqueues it later.
 * @throws Problem 400 or 409 that names the field
 */
export async function submit(
  context: ApiContext,
  submission: Submission,
  log: FastifyBaseLogger,
): Promise<JobRecord> {
  const job = await record(context, submission);
  log.info({ jobId: job.id, kind: job.kind }, 'job accepted');
  await context.queue.enqueue(job).catch((error: unknown) => {
    log.warn({ err: error, jobId: job.id }, 'job is recorded but not enqueued yet');
  });
  return job;
}

async function record(context: ApiContext, submission: Submission): Promise<JobRecord> {
  const { store } = context;
  const origin = submission.origin ?? null;
  if (submission.kind === 'train') {
    const faults = checkTrainRequest(submission.request);
    if (faults.length > 0) throw fieldsProblem(faults);
    await assertDataset(context, submission.request.dataset);
    return store.create('train', submission.request, { origin });
  }
  const faults = checkEvaluateRequest(submission.request);
  if (faults.length > 0) throw fieldsProblem(faults);
  await assertDataset(context, submission.request.dataset);
  const model = await resolveModel(context, submission.request.model);
  await assertCalibration(context, submission.request.calibratedBy);
  return store.create('evaluate', completeEvaluateRequest({ ...submission.request, model }), { origin });
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
