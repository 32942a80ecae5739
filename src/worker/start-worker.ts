import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Job, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { CHECKPOINT_FOLDER } from '../artifacts/checkpoint-folder.js';
import { sweepStaging } from '../artifacts/sweep-staging.js';
import type { Config } from '../config.js';
import { settleDependants } from '../jobs/dependants.js';
import { subscribeControl } from '../jobs/job-control.js';
import { queuePrefix } from '../jobs/job-keys.js';
import { attemptOf, JobQueue, QUEUE_NAME, type QueuedJob } from '../jobs/job-queue.js';
import type { JobState } from '../jobs/job-record.js';
import { TERMINAL_STATES } from '../jobs/job-state.js';
import { JobStore } from '../jobs/job-store.js';
import { QueueWaits, queueWaitSeconds } from '../jobs/queue-wait.js';
import { meets } from '../jobs/requirements.js';
import { WorkerRegistry } from '../jobs/worker-registry.js';
import { leaveForLater, leaveToOthers } from './leave-to-others.js';
import { AttemptReleased, LOCK_LOST, OwnerBusy, processJob } from './process-job.js';
import { RunningJobs } from './running-jobs.js';
import { WorkerHeartbeat } from './worker-heartbeat.js';
import { offerOf } from './worker-offer.js';

/** Workers that a job may lose before the queue gives it up. */
const MAX_LOST_WORKERS = 3;
/** How often a running job's record is read, in case Redis dropped the message that stops it. */
const CANCEL_POLL_MS = 1000;

export type RunningWorker = { close(): Promise<void> };

/** Takes jobs from the queue, one at a time, and supervises their trainers. Runs no tensor operation itself. */
export async function startWorker(
  config: Config & { readonly redisUrl: string },
  log: Logger,
): Promise<RunningWorker> {
  const redis = new Redis(config.redisUrl, { maxRetriesPerRequest: null });
  redis.on('error', (error) => log.warn({ err: error }, 'redis connection'));
  const workerId = `${hostname()}-${process.pid}`;
  const store = new JobStore(redis, config.queuePrefix, `worker ${workerId}`);
  const queue = new JobQueue(redis, config.queuePrefix);
  const running = new RunningJobs();
  const context = { store, config, log, running };
  const offer = offerOf(config);
  const registry = new WorkerRegistry(redis, config.queuePrefix);
  const heartbeat = new WorkerHeartbeat(workerId, offer, registry, store, log);
  const waits = new QueueWaits(redis, config.queuePrefix);
  const toWarning = (error: Error) => log.warn({ err: error }, 'could not count a wait');
  void sweep(store, config.artifactsDir, log);

  const worker = new Worker<QueuedJob>(QUEUE_NAME, run, {
    connection: redis,
    prefix: queuePrefix(config.queuePrefix),
    concurrency: 1,
    lockDuration: config.lockDurationMs,
    stalledInterval: config.lockDurationMs,
    maxStalledCount: MAX_LOST_WORKERS,
  });
  worker.on('error', (error) => log.warn({ err: error }, 'queue worker'));
  // The lock is gone: another worker may hold the job, so this trainer must not go on.
  worker.on('lockRenewalFailed', (ids: string[]) => {
    for (const id of ids) worker.cancelJob(id, LOCK_LOST);
  });

  async function run(job: Job<QueuedJob>, token?: string, signal?: AbortSignal): Promise<void> {
    const record = await store.get(job.data.id);
    if (record !== null && !isEnding(record.state) && !meets(offer, record.options.requirements)) {
      log.debug({ jobId: job.data.id }, 'the job needs another worker');
      return leaveToOthers(job, token);
    }
    const waited = record && queueWaitSeconds(record, Date.now());
    if (waited !== null) await waits.count(job.data.kind, waited).catch(toWarning);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    try {
      const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
      const attempt = { id: job.data.id, attempt: attemptOf(job), isLast };
      heartbeat.show({ id: attempt.id, attempt: attempt.attempt, kind: job.data.kind });
      await processJob(context, attempt, signal ?? new AbortController().signal);
    } catch (error) {
      if (error instanceof OwnerBusy) return await leaveForLater(job, token);
      if (!(error instanceof AttemptReleased)) throw error;
      // Not a failed try: a worker that stops costs the job none of its attempts. One that lost the job cannot
      // move it, and the queue notices by itself that its lock is gone.
      await job
        .moveToWait(token)
        .catch((cause: Error) => log.info({ err: cause }, 'could not hand a job back'));
      throw new WaitingError();
    } finally {
      delay.disable();
      heartbeat.show(null);
      await settleDependants(store, queue, job.data.id).catch((error: Error) => {
        log.warn({ err: error, jobId: job.data.id }, 'dependants are left to reconciling');
      });
      log.info({ jobId: job.data.id, longestEventLoopDelayMs: delay.max / 1e6 }, 'done with the job');
    }
  }

  // One that a client resumed while its entry was still ours was not enqueued again.
  worker.on('completed', async ({ data }) => {
    const job = await store.get(data.id).catch(() => null);
    if (job?.state === 'queued')
      await queue
        .enqueue(job)
        .catch(() => log.info({ jobId: job.id }, 'a resumed job is left to reconciling'));
  });

  const unsubscribe = await subscribeControl(redis, ({ type, id }) => running[type](id), config.queuePrefix);
  const poll = setInterval(async () => {
    for (const id of running.ids) {
      const job = await store.get(id).catch(() => null);
      if (job?.state === 'cancelling') running.cancel(id);
      if (job?.state === 'pausing') running.pause(id);
    }
  }, CANCEL_POLL_MS);

  return {
    async close() {
      clearInterval(poll);
      unsubscribe();
      worker.cancelAllJobs('the worker stops');
      await worker.close();
      await queue.close();
      await heartbeat.close();
      redis.disconnect();
    },
  };
}

/** A job that is over or to be cancelled needs nothing of the worker that sees it off. */
function isEnding(state: JobState): boolean {
  return state === 'cancelling' || TERMINAL_STATES.includes(state);
}

/** A job that has not ended keeps its newest attempt's folder, whichever worker holds it. */
async function sweep(store: JobStore, artifactsDir: string, log: Logger): Promise<void> {
  try {
    const removed = await sweepStaging(artifactsDir, async ({ jobId, attempt }) => {
      const job = await store.get(jobId);
      // Without a record it may be that of another service on the same volume.
      if (job === null) return true;
      return !TERMINAL_STATES.includes(job.state) && attempt >= job.attempt;
    });
    const ended = await sweepStaging(
      artifactsDir,
      async ({ jobId }) => {
        const job = await store.get(jobId);
        // A failed job can be tried again from where it was.
        return job === null || job.state === 'failed' || !TERMINAL_STATES.includes(job.state);
      },
      CHECKPOINT_FOLDER,
    );
    if (ended.length > 0) log.info({ ended }, 'removed checkpoints of jobs that are over');
    if (removed.length > 0) log.info({ removed }, 'removed what killed workers had staged');
  } catch (error) {
    log.warn({ err: error }, 'could not sweep the staging folder');
  }
}
