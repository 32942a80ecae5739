import { performance } from 'node:perf_hooks';
import { UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import { discardCheckpoints } from '../artifacts/checkpoint-folder.js';
import { type Manifest, readManifest } from '../artifacts/manifest.js';
import { type AttemptOf, discardStaging, publishArtifacts, withdrawArtifacts } from '../artifacts/publish.js';
import type { Config } from '../config.js';
import { JobError } from '../jobs/job-error.js';
import type { JobRecord } from '../jobs/job-record.js';
import type { JobStore } from '../jobs/job-store.js';
import { assignJob } from './assign-job.js';
import { setLongTimeout, toDeadline } from './deadline.js';
import { JobRecorder } from './job-recorder.js';
import type { RunningJobs } from './running-jobs.js';
import {
  type StoppedBy,
  type TrainerOutcome,
  TrainerSupervisor,
  trainerEntry,
} from './trainer-supervisor.js';

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

/** Reason of a release after which the job may run elsewhere already. */
export const LOCK_LOST = 'its lock was lost';

/** How the trainer of a stopped job has ended, as the record's cause. */
const STOPS: Readonly<Record<StoppedBy, string>> = {
  request: 'Its trainer stopped when asked.',
  SIGTERM: 'Its trainer did not stop when asked and was ended by SIGTERM.',
  SIGKILL: 'Its trainer did not stop when asked, nor at SIGTERM, and was ended by SIGKILL.',
};

/** The job's owner has as many running jobs as allowed; this one has to wait for one of them. */
export class OwnerBusy extends Error {
  override readonly name = 'OwnerBusy';
}

/** The attempt was taken from this worker: it stops, or it lost the job. The record says nothing of a failure. */
export class AttemptReleased extends Error {
  override readonly name = 'AttemptReleased';
}

/**
 * Runs one attempt of a job, from `starting` to a terminal state. Returning tells the queue that it is done with
 * the job, whatever became of it.
 *
 * The artifacts decide: once published, a later attempt ends the job with the result in their manifest instead of
 * training again. Only a cancel takes them back, since `cancelling` never becomes `succeeded`.
 *
 * @param released aborted when this worker must let go of the job
 * @throws OwnerBusy before anything was done; AttemptReleased when it let go; any other Error when the queue should start the job again or drop it
 */
export async function processJob(
  context: WorkerContext,
  attempt: Attempt,
  released: AbortSignal,
): Promise<void> {
  const { store, config } = context;
  const log = context.log.child({ jobId: attempt.id, attempt: attempt.attempt });
  const job = await store.get(attempt.id);
  if (job === null) return log.warn('the queue named a job that has no record');
  if (job.state === 'cancelling') {
    return finishCancel({ ...context, log }, attempt, 'Its worker was gone already.');
  }
  if (job.state === 'pausing')
    return finishPause({ ...context, log }, attempt, 'Its worker was gone already.');
  const published = await readManifest(config.artifactsDir, job.id);
  if (published !== null && job.state === 'finalizing') {
    // Under the attempt that holds the record, so that its metrics and progress stay.
    return finishPublished({ ...context, log }, { ...attempt, attempt: job.attempt }, published);
  }
  const cause = `Taken by a worker, attempt ${attempt.attempt}.`;
  const maxRunningJobs = config.maxRunningJobs || undefined;
  const start = await store.transition(job.id, 'starting', cause, { ...attempt, maxRunningJobs });
  if (!start.moved && start.reason === 'owner_busy') throw new OwnerBusy(job.owner);
  if (!start.moved) return log.info({ reason: start.reason, state: start.state }, 'the job is not to be run');
  try {
    await runAttempt({ ...context, log }, attempt, { ...job, published }, released);
  } catch (error) {
    if (released.aborted) return await release({ ...context, log }, attempt);
    await settleFailure({ ...context, log }, attempt, error);
  } finally {
    await discardStaging(config.artifactsDir, stagedBy(attempt)).catch((error: Error) => {
      log.warn({ err: error }, 'could not empty the staging folder');
    });
  }
}

async function runAttempt(
  context: WorkerContext,
  attempt: Attempt,
  job: JobRecord & { readonly published: Manifest | null },
  released: AbortSignal,
): Promise<void> {
  const { store, config, log } = context;
  const startedAt = performance.now();
  let { published } = job;
  if (published !== null) {
    await store.transition(job.id, 'running', 'An earlier attempt had published its artifacts.', attempt);
  }
  const outcome = published === null ? await runTrainer(context, attempt, job, released) : null;
  if (outcome?.type === 'cancelled') return finishCancel(context, attempt, STOPS[outcome.by]);
  if (outcome?.type === 'paused') {
    if (released.aborted) throw new AttemptReleased('Its worker let go of it.');
    return finishPause(context, attempt, STOPS[outcome.by]);
  }
  const finalizing = await store.transition(job.id, 'finalizing', 'The trainer is done.', attempt);
  if (!finalizing.moved) {
    if (finalizing.state === 'cancelling')
      return finishCancel(context, attempt, 'It was about to be published.');
    return log.warn({ state: finalizing.state }, 'another attempt holds the job; its results are dropped');
  }
  if (outcome !== null) {
    const { result, provenance } = outcome;
    const publication = { ...stagedBy(attempt), owner: job.owner, kind: job.kind, result, provenance };
    published = await publishArtifacts(config.artifactsDir, publication);
  }
  if (published === null) throw new Error('expected published artifacts; found none');
  await finishPublished(context, attempt, published);
  log.info({ seconds: (performance.now() - startedAt) / 1000 }, 'the attempt has ended');
}

/** Starts the trainer and resolves once it is gone and all it said is recorded. */
async function runTrainer(
  { store, config, log, running }: WorkerContext,
  attempt: Attempt,
  job: JobRecord,
  released: AbortSignal,
): Promise<TrainerOutcome> {
  const deadline = toDeadline(await store.get(job.id), config.maxRuntimeSeconds);
  if (deadline !== null && deadline.leftMs <= 0) throw deadline.failure;
  const told = await store.toldBefore(job.id);
  const assignment = await assignJob(config, stagedBy(attempt), job, told);
  const recorder = new JobRecorder(store, attempt, log);
  const supervisor = new TrainerSupervisor(assignment, {
    entry: trainerEntry(),
    cancelGraceMs: config.cancelGraceMs,
    silenceMs: config.trainerSilenceMs,
    log,
    onMessage: (message) => recorder.take(message),
  });
  log.info({ trainerPid: supervisor.pid, kind: job.kind }, 'started a trainer');
  // Another worker may hold the job whose lock was lost; one that this worker only hands back keeps its state.
  const letGo = () => (released.reason === LOCK_LOST ? supervisor.kill() : supervisor.pause());
  if (released.aborted) letGo();
  released.addEventListener('abort', letGo);
  const unregister = running.add(job.id, supervisor);
  const timer = deadline && setLongTimeout(() => supervisor.expire(deadline.failure), deadline.leftMs);
  try {
    // What was asked for before the job was registered shows in its record only.
    const asked = (await store.get(job.id))?.state;
    if (asked === 'cancelling') supervisor.cancel();
    if (asked === 'pausing') supervisor.pause();
    return await supervisor.outcome;
  } finally {
    unregister();
    timer?.clear();
    await recorder.flush();
  }
}

/** Ends a job whose artifacts are published, whichever attempt published them. */
async function finishPublished(context: WorkerContext, attempt: Attempt, manifest: Manifest): Promise<void> {
  const { store, log } = context;
  await store.saveResult(attempt.id, attempt.attempt, manifest.result);
  const end = await store.transition(attempt.id, 'succeeded', 'Its artifacts are published.', attempt);
  if (end.moved) {
    await discardCheckpoints(context.config.artifactsDir, stagedBy(attempt));
    return log.info('the job has succeeded');
  }
  if (end.state === 'cancelling') return finishCancel(context, attempt, 'It had just been published.');
  log.info({ reason: end.reason, state: end.state }, 'the job was ended by another attempt');
  if (end.state !== 'cancelled' && end.state !== 'failed' && end.reason !== 'not_found') return;
  // Ended, or deleted too, while this worker was held up before publishing: what its client was told has to stay true.
  await withdrawArtifacts(context.config.artifactsDir, stagedBy(attempt));
}

function stagedBy({ id, attempt }: Attempt): AttemptOf {
  return { jobId: id, attempt };
}

/** Takes back what was published before the record says `cancelled`: a cancelled job has no artifacts. */
async function finishCancel(context: WorkerContext, attempt: Attempt, cause: string): Promise<void> {
  const { store, config, log } = context;
  await withdrawArtifacts(config.artifactsDir, stagedBy(attempt));
  await discardCheckpoints(config.artifactsDir, stagedBy(attempt));
  await store.transition(attempt.id, 'cancelled', cause);
  log.info('the job is cancelled');
}

/** The job rests: its checkpoint stays, its place in the queue is given up. */
async function finishPause(context: WorkerContext, attempt: Attempt, cause: string): Promise<void> {
  const rest = await context.store.transition(attempt.id, 'paused', cause, attempt);
  if (!rest.moved && rest.state === 'cancelling') return finishCancel(context, attempt, cause);
  context.log.info('the job is paused');
}

/**
 * Puts the record back in the line. One that a later attempt holds, or a client cancels, stays as it is; one that a client
 * pauses is paused by that.
 */
async function release(context: WorkerContext, attempt: Attempt): Promise<void> {
  const cause = 'Its worker let go of it.';
  if ((await context.store.get(attempt.id))?.state === 'pausing') return finishPause(context, attempt, cause);
  const back = await context.store.transition(attempt.id, 'queued', cause, attempt);
  if (!back.moved && back.state === 'cancelling') await finishCancel(context, attempt, cause);
  throw new AttemptReleased(cause);
}

/** Records a failure, or hands the job back to the queue when another try may help. */
async function settleFailure(context: WorkerContext, attempt: Attempt, error: unknown): Promise<void> {
  const { store, log } = context;
  const failure = toJobError(error);
  const { id } = attempt;
  log.warn({ err: failure }, 'the attempt has failed');
  if (failure.retryable && (await store.get(id))?.state === 'pausing')
    return finishPause(context, attempt, failure.message);
  if (failure.retryable && !attempt.isLast) {
    const back = await store.transition(id, 'queued', `To be tried again: ${failure.message}`, attempt);
    if (back.moved) throw failure;
  }
  const outcome = await store.fail(id, attempt.attempt, failure, failure.message);
  if (!outcome.moved && outcome.state === 'cancelling') {
    await finishCancel(context, attempt, failure.message);
  }
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
