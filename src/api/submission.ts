import type { FastifyBaseLogger } from 'fastify';
import { v7 as uuidV7 } from 'uuid';
import { DatasetLocationError, resolveDataset } from '../artifacts/dataset-location.js';
import { checkEvaluateRequest, completeEvaluateRequest } from '../jobs/check-evaluate-request.js';
import { checkTrainRequest, type RequestFault } from '../jobs/check-train-request.js';
import { DEFAULT_OPTIONS, type JobOptions } from '../jobs/job-options.js';
import type { JobOrigin, JobRecord } from '../jobs/job-record.js';
import type { NewJob } from '../jobs/new-job.js';
import type { EvaluateRequest, InspectRequest, TrainRequest } from '../jobs/requests.js';
import type { ApiContext } from './api-context.js';
import { assertCalibration } from './calibration-reference.js';
import { resolveInit } from './init-reference.js';
import { resolveModel } from './model-reference.js';
import { fieldProblem, fieldsProblem } from './problem.js';

/** What a client asks for, its fields checked and its defaults filled in. */
export type Submission = {
  readonly origin?: JobOrigin;
  readonly options: JobOptions;
  /** Id of the job to be. */
  readonly id?: string;
} & (
  | {
      readonly kind: 'train';
      readonly request: TrainRequest;
      /** An evaluation of the model that the training will make. */
      readonly evaluate?: Omit<EvaluateRequest, 'model'>;
    }
  | { readonly kind: 'evaluate'; readonly request: EvaluateRequest }
  | { readonly kind: 'inspect'; readonly request: InspectRequest }
);

/**
 * Accepts a job: what the fields say together and the places they name are checked, then the record is written, then
 * the job is enqueued. When only enqueueing fails it is accepted too: reconciling enqueues it later. Where the
 * deduplication key names a job that is not over, that one is the answer.
 * @throws Problem 400 or 409 that names the field
 */
export async function submit(
  { store, queue, ...context }: ApiContext,
  submission: Submission,
  log: FastifyBaseLogger,
): Promise<JobRecord> {
  const jobs = await toNewJobs({ store, queue, ...context }, submission);
  const { job, isNew } = await store.createAll(jobs);
  if (!isNew) return job;
  log.info({ jobId: job.id, kind: job.kind }, 'job accepted');
  await queue.enqueue(job).catch((error: unknown) => {
    log.warn({ err: error, jobId: job.id }, 'job is recorded but not enqueued yet');
  });
  return job;
}

/** The job, and the evaluation that waits for it if there is one. */
async function toNewJobs(context: ApiContext, submission: Submission): Promise<[NewJob, ...NewJob[]]> {
  const { id = uuidV7(), options, origin = null } = submission;
  if (submission.kind === 'evaluate') {
    assertConsistent(checkEvaluateRequest(submission.request));
    await assertDataset(context, 'dataset', submission.request.dataset);
    const model = await resolveModel(context, submission.request.model);
    await assertCalibration(context, submission.request.calibratedBy);
    const request = completeEvaluateRequest({ ...submission.request, model });
    return [{ id, kind: 'evaluate', request, options, origin }];
  }
  if (submission.kind === 'inspect') {
    const { request } = submission;
    const { dataset, testDataset, training } = request;
    if (training !== undefined) {
      const faults = checkTrainRequest({ dataset, ...training });
      assertConsistent(faults.map((fault) => ({ ...fault, field: `training.${fault.field}` })));
    }
    await assertDataset(context, 'dataset', dataset);
    if (testDataset !== undefined) await assertDataset(context, 'testDataset', testDataset);
    return [{ id, kind: 'inspect', request, options, origin }];
  }
  const { evaluate } = submission;
  assertConsistent(checkTrainRequest(submission.request));
  await assertDataset(context, 'dataset', submission.request.dataset);
  const request = await resolveInit(context, submission.request);
  if (evaluate === undefined) return [{ id, kind: 'train', request, options, origin }];
  const following = { ...evaluate, model: id };
  const faults = checkEvaluateRequest(following);
  assertConsistent(faults.map((fault) => ({ ...fault, field: `evaluate.${fault.field}` })));
  await assertDataset(context, 'evaluate.dataset', evaluate.dataset);
  await assertCalibration(context, evaluate.calibratedBy);
  const evaluation: NewJob = {
    id: uuidV7(),
    kind: 'evaluate',
    request: completeEvaluateRequest(following),
    options: { ...DEFAULT_OPTIONS, priority: options.priority },
    dependsOn: id,
  };
  return [{ id, kind: 'train', request, options, origin, dependants: [evaluation.id] }, evaluation];
}

function assertConsistent(faults: readonly RequestFault[]): void {
  if (faults.length > 0) throw fieldsProblem(faults);
}

async function assertDataset({ datasetRoot }: ApiContext, field: string, location: string): Promise<void> {
  try {
    await resolveDataset(datasetRoot, location);
  } catch (error) {
    throw error instanceof DatasetLocationError ? fieldProblem(field, error.expected, error.found) : error;
  }
}
