import { performance } from 'node:perf_hooks';
import { UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import { DatasetLocationError, resolveDataset } from '../artifacts/dataset-location.js';
import { artifactsOf } from '../artifacts/manifest.js';
import { discardStaging, openStaging, publishArtifacts } from '../artifacts/publish.js';
import type { Config } from '../config.js';
import { JobError } from '../jobs/job-error.js';
import type { JobRecord } from '../jobs/job-record.js';
import type { JobStore } from '../jobs/job-store.js';
import { JobRecorder } from './job-recorder.js';
import type { RunningJobs } from './running-jobs.js';
import type { TrainerAssignment } from './trainer-messages.js';
import { TrainerSupervisor, trainerEntry } from './trainer-supervisor.js';

export type WorkerContext = {
  readonly store: JobStore;
  readonly config: Config;
  readonly log: Logger;
  readonly running: RunningJobs;
};

export type Attempt = {
  readonly id: string;
  readonly attempt: number;
  /** Whether the queue will start the job again if this attempt fails with a retryable error. */
  readonly isLast: boolean;
};

/**
 * Runs one attempt of a job, from `starting` to a terminal state. Returning tells the queue that it is done with
 * the job, whatever became of it.
 * @throws Error when the queue should start the job again
 */
export async function processJob(context: WorkerContext, attempt: Attempt, lost: AbortSignal): Promise<void> {
  const { store } = context;
  const log = context.log.child({ jobId: attempt.id, attempt: attempt.attempt });
  const job = await store.get(attempt.id);
  if (job === null) return log.warn('the queue named a job that has no record');
  if (job.state === 'cancelling') return finishCancel(context, attempt, 'Its worker was gone already.');
  const start = await store.transition(
    job.id,
    'starting',
    `Taken by a worker, attempt ${attempt.attempt}.`,
    attempt,
  );
  if (!start.moved) return log.info({ reason: start.reason, state: start.state }, 'the job is not to be run');
  try {
    await runAttempt({ ...context, log }, attempt, job, lost);
  } catch (error) {
    await settleFailure({ ...context, log }, attempt, error);
  } finally {
    await discardStaging(context.config.artifactsDir, job.id).catch(() => {});
  }
}

async function runAttempt(
  context: WorkerContext,
  attempt: Attempt,
  job: JobRecord,
  lost: AbortSignal,
): Promise<void> {
  const { store, config, log, running } = context;
  const startedAt = performance.now();
  const assignment = await assign(config, attempt, job);
  const recorder = new JobRecorder(store, attempt, log);
  const supervisor = new TrainerSupervisor(assignment, {
    entry: trainerEntry(),
    cancelGraceMs: config.cancelGraceMs,
    log,
    onMessage: (message) => recorder.take(message),
  });
  log.info({ trainerPid: supervisor.pid, kind: job.kind }, 'started a trainer');
  lost.addEventListener('abort', () => supervisor.kill());
  const unregister = running.add(job.id, supervisor);
  try {
    // A cancel that came before the job was registered shows in its record only.
    if ((await store.get(job.id))?.state === 'cancelling') supervisor.cancel();
    const outcome = await supervisor.outcome;
    await recorder.flush();
    if (outcome.type === 'cancelled') return await finishCancel(context, attempt, 'Its trainer has ended.');
    const finalizing = await store.transition(job.id, 'finalizing', 'The trainer is done.', attempt);
    if (!finalizing.moved) {
      if (finalizing.state === 'cancelling')
        return await finishCancel(context, attempt, 'It was about to be published.');
      return log.warn({ state: finalizing.state }, 'another attempt holds the job; its results are dropped');
    }
    const { result, provenance } = outcome;
    const { kind, id } = job;
    await publishArtifacts(config.artifactsDir, { jobId: id, kind, attempt: attempt.attempt, provenance });
    await store.saveResult(id, attempt.attempt, result);
    const published = await store.transition(id, 'succeeded', 'Its artifacts are published.', attempt);
    if (!published.moved && published.state === 'cancelling') {
      return await finishCancel(context, attempt, 'It had just been published.');
    }
    log.info({ seconds: (performance.now() - startedAt) / 1000 }, 'the job has succeeded');
  } finally {
    unregister();
  }
}

async function assign(config: Config, { id, attempt }: Attempt, job: JobRecord): Promise<TrainerAssignment> {
  const datasetDir = await resolveDataset(config.datasetRoot, job.request.dataset).catch((error) => {
    if (error instanceof DatasetLocationError) throw new JobError('dataset_location', 'user', error.message);
    throw error;
  });
  const stagingDir = await openStaging(config.artifactsDir, { jobId: id, attempt });
  const common = { jobId: id, attempt, datasetDir, stagingDir, decodeThreads: config.decodeThreads };
  if (job.kind === 'train') return { ...common, kind: 'train', request: job.request };
  const modelDir = artifactsOf(config.artifactsDir, job.request.model);
  return { ...common, kind: 'evaluate', request: job.request, modelDir };
}

async function finishCancel({ store, log }: WorkerContext, attempt: Attempt, cause: string): Promise<void> {
  await store.transition(attempt.id, 'cancelled', cause);
  log.info({ jobId: attempt.id }, 'the job is cancelled');
}

/** Records a failure, or hands the job back to the queue when another try may help. */
async function settleFailure({ store, log }: WorkerContext, attempt: Attempt, error: unknown): Promise<void> {
  const failure = toJobError(error);
  const { id } = attempt;
  log.warn({ err: failure }, 'the attempt has failed');
  if (failure.retryable && !attempt.isLast) {
    const back = await store.transition(id, 'queued', `To be tried again: ${failure.message}`, attempt);
    if (back.moved) throw failure;
  }
  const outcome = await store.fail(id, attempt.attempt, failure, failure.message);
  if (!outcome.moved && outcome.state === 'cancelling')
    await store.transition(id, 'cancelled', failure.message);
  throw new UnrecoverableError(failure.message);
}

function toJobError(error: unknown): JobError {
  if (error instanceof JobError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') {
    return new JobError(
      'disk_full',
      'infrastructure',
      'Expected room on the artifact volume; found the disk full.',
    );
  }
  return new JobError(
    'internal',
    'infrastructure',
    `Expected the job to run; found an internal error: ${message}`,
    true,
  );
}
