import type { FastifyBaseLogger } from 'fastify';
import { v7 as uuidV7 } from 'uuid';
import { DatasetLocationError, resolveDataset } from '../artifacts/dataset-location.js';
import { checkEvaluateRequest, completeEvaluateRequest } from '../jobs/check-evaluate-request.js';
import { checkTrainRequest, type RequestFault } from '../jobs/check-train-request.js';
import { DEFAULT_OPTIONS, type JobOptions } from '../jobs/job-options.js';
import type { JobOrigin, JobRecord } from '../jobs/job-record.js';
import type { NewJob } from '../jobs/new-job.js';
import { QueuedJobsLimit } from '../jobs/queued-jobs-limit.js';
import type { EvaluateRequest, InspectRequest, TrainRequest } from '../jobs/requests.js';
import type { ApiContext } from './api-context.js';
import { assertCalibration } from './calibration-reference.js';
import { assertFreeDisk } from './free-disk.js';
import { resolveInit } from './init-reference.js';
import type { Caller } from './keys/caller.js';
import { resolveModel } from './model-reference.js';
import { fieldProblem, fieldsProblem, Problem } from './problem.js';

const QUEUED_RETRY_SECONDS = '30';

/** Who submits, and where to log it. */
export type Submitter = { readonly caller: Caller; readonly log: FastifyBaseLogger };

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
 * @throws Problem 400 or 409 that names the field, 429 when the owner has too many queued jobs, 507 when the disk is full
 */
export async function submit(
  { store, queue, ...context }: ApiContext,
  submission: Submission,
  { caller, log }: Submitter,
): Promise<JobRecord> {
  await assertFreeDisk(context.artifactsDir, context.minFreeDiskBytes ?? 0);
  const jobs = await toNewJobs({ store, queue, ...context }, submission, caller);
  const { job, isNew } = await store
    .createAll(jobs, context.maxQueuedJobs || undefined)
    .catch(refuseTooManyQueued);
  if (!isNew) return job;
  log.info({ jobId: job.id, kind: job.kind }, 'job accepted');
  await queue.enqueue(job).catch((error: unknown) => {
    log.warn({ err: error, jobId: job.id }, 'job is recorded but not enqueued yet');
  });
  return job;
}

/** The job, and the evaluation that waits for it if there is one. */
async function toNewJobs(
  context: ApiContext,
  submission: Submission,
  caller: Caller,
): Promise<[NewJob, ...NewJob[]]> {
  const { owner } = caller;
  const { id = uuidV7(), options, origin = null } = submission;
  if (submission.kind === 'evaluate') {
    assertConsistent(checkEvaluateRequest(submission.request));
    await assertDataset(context, 'dataset', submission.request.dataset);
    const model = await resolveModel(context, caller, submission.request.model);
    await assertCalibration(context, caller, submission.request.calibratedBy);
    const request = completeEvaluateRequest({ ...submission.request, model });
    return [{ id, kind: 'evaluate', owner, request, options, origin }];
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
    return [{ id, kind: 'inspect', owner, request, options, origin }];
  }
  const { evaluate } = submission;
  assertConsistent(checkTrainRequest(submission.request));
  await assertDataset(context, 'dataset', submission.request.dataset);
  const request = await resolveInit(context, caller, submission.request);
  if (evaluate === undefined) return [{ id, kind: 'train', owner, request, options, origin }];
  const following = { ...evaluate, model: id };
  const faults = checkEvaluateRequest(following);
  assertConsistent(faults.map((fault) => ({ ...fault, field: `evaluate.${fault.field}` })));
  await assertDataset(context, 'evaluate.dataset', evaluate.dataset);
  await assertCalibration(context, caller, evaluate.calibratedBy);
  const evaluation: NewJob = {
    id: uuidV7(),
    kind: 'evaluate',
    owner,
    request: completeEvaluateRequest(following),
    options: { ...DEFAULT_OPTIONS, priority: options.priority },
    dependsOn: id,
  };
  return [{ id, kind: 'train', owner, request, options, origin, dependants: [evaluation.id] }, evaluation];
}

function refuseTooManyQueued(error: unknown): never {
  if (!(error instanceof QueuedJobsLimit)) throw error;
  const headers = { 'retry-after': QUEUED_RETRY_SECONDS };
  throw new Problem(429, 'too-many-queued-jobs', error.message, { headers });
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
