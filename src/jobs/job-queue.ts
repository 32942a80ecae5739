import { type Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { publishControl } from './job-control.js';
import { DEFAULT_PREFIX, queuePrefix } from './job-keys.js';
import { toQueueOptions } from './job-options.js';
import type { JobKind, JobRecord } from './job-record.js';
import type { JobStore } from './job-store.js';
import { type Reconciliation, reconcile } from './reconcile.js';

export const QUEUE_NAME = 'jobs';

/** What the queue carries: the record holds everything else. */
export type QueuedJob = {
  readonly id: string;
  readonly kind: JobKind;
  /** The record's attempt when it was enqueued; BullMQ counts the starts of each queue entry from zero. */
  readonly attemptBase: number;
};

/** The attempt that a worker writes with: higher than that of any start before, of this queue entry or an earlier one. */
export function attemptOf(job: Pick<Job<QueuedJob>, 'data' | 'attemptsStarted'>): number {
  return job.data.attemptBase + job.attemptsStarted;
}

/** The way to the workers. A job is written to the store before it is enqueued, and `reconcile` repairs what lies between. */
export class JobQueue {
  #opened: Queue<QueuedJob> | undefined;
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string = DEFAULT_PREFIX) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** BullMQ's queue, opened at its first use: BullMQ connects when it is constructed. */
  get bull(): Queue<QueuedJob> {
    if (this.#opened === undefined) {
      const options = { connection: this.#redis, prefix: queuePrefix(this.#prefix) };
      this.#opened = new Queue<QueuedJob>(QUEUE_NAME, options);
      // BullMQ repeats the connection's errors, which the owner of the connection already hears.
      this.#opened.on('error', () => {});
    }
    return this.#opened;
  }

  /** Adds the job; one that is already in the queue stays as it is. */
  async enqueue(job: Pick<JobRecord, 'id' | 'kind' | 'attempt' | 'options'>): Promise<void> {
    const data: QueuedJob = { id: job.id, kind: job.kind, attemptBase: job.attempt };
    await this.bull.add(job.kind, data, {
      jobId: job.id,
      ...toQueueOptions(job.options, Date.now()),
      // The record is the job's history: what the queue is done with would only fill Redis.
      removeOnComplete: true,
      removeOnFail: true,
    });
  }

  /** Takes a waiting job out. False when a worker already holds it, which then finds the record's new state. */
  async remove(id: string): Promise<boolean> {
    return (await this.bull.remove(id)) === 1;
  }

  /** Whether the queue still has the job, waiting, delayed or held by a worker. */
  async has(id: string): Promise<boolean> {
    return (await this.bull.getJob(id)) !== undefined;
  }

  /** Repairs what a crash left between records and queue; see `reconcile`. */
  reconcile(store: JobStore, minAgeMs = 5000): Promise<Reconciliation> {
    return reconcile(this, store, minAgeMs);
  }

  /** Tells every worker to stop this job; only the one that runs it acts. */
  requestCancel(id: string): Promise<void> {
    return publishControl(this.#redis, { type: 'cancel', id }, this.#prefix);
  }

  /** Tells every worker to stop this job after a checkpoint. */
  requestPause(id: string): Promise<void> {
    return publishControl(this.#redis, { type: 'pause', id }, this.#prefix);
  }

  /** Lets go of the queue. The connection stays with its owner. */
  async close(): Promise<void> {
    await this.#opened?.close();
  }
}
