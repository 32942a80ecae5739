import type { Redis } from 'ioredis';
import { v7 as uuidV7 } from 'uuid';
import type { JobFailure } from './job-error.js';
import {
  DEFAULT_PREFIX,
  indexKey,
  type JobFilter,
  metricsKey,
  recordKey,
  transitionsKey,
} from './job-keys.js';
import { type MetricsHistory, readMetricsStream } from './job-metrics.js';
import type {
  EpochMetrics,
  EvaluateJob,
  JobKind,
  JobRecord,
  JobState,
  LatestMetrics,
  Progress,
  StepMetrics,
  TrainJob,
  Transition,
} from './job-record.js';
import { APPEND_METRICS_LUA, GET_LUA, LIST_LUA, TRANSITION_LUA, WRITE_FIELDS_LUA } from './job-scripts.js';
import { statesBefore } from './job-state.js';
import type { EvaluateRequest, TrainRequest } from './requests.js';
import { type StoredJob, toJobRecord } from './stored-job.js';

/** What became of a transition: moved, or refused with the state that the record keeps. */
export type TransitionOutcome =
  | { readonly moved: true; readonly from: JobState; readonly state: JobState }
  | {
      readonly moved: false;
      /** `stale_attempt`: a later attempt holds the job. `not_allowed`: the state table has no such step. */
      readonly reason: 'not_found' | 'stale_attempt' | 'not_allowed';
      readonly state: JobState | null;
    };

export type JobPage = { readonly jobs: JobRecord[]; readonly nextCursor: string | null };

type TransitionReply = ['moved' | 'not_found' | 'stale_attempt' | 'not_allowed', JobState | ''];

/** The store's own commands, as ioredis adds them to the connection. */
type JobCommands = {
  arcqueueTransition(...args: (string | number)[]): Promise<TransitionReply>;
  arcqueueWriteFields(...args: (string | number)[]): Promise<number>;
  arcqueueAppendMetrics(...args: (string | number)[]): Promise<number>;
  arcqueueList(...args: (string | number)[]): Promise<StoredJob[]>;
  arcqueueGet(...args: (string | number)[]): Promise<StoredJob>;
};

function withJobCommands(redis: Redis): Redis & JobCommands {
  redis.defineCommand('arcqueueTransition', { numberOfKeys: 2, lua: TRANSITION_LUA });
  redis.defineCommand('arcqueueWriteFields', { numberOfKeys: 1, lua: WRITE_FIELDS_LUA });
  redis.defineCommand('arcqueueAppendMetrics', { numberOfKeys: 2, lua: APPEND_METRICS_LUA });
  redis.defineCommand('arcqueueList', { numberOfKeys: 1, lua: LIST_LUA });
  redis.defineCommand('arcqueueGet', { numberOfKeys: 2, lua: GET_LUA });
  return redis as Redis & JobCommands;
}

/**
 * The job records in Redis: a hash per job, its dated transitions as a list, its metrics as a stream, and sorted sets
 * of ids for listing. Ids are UUIDs of version 7, whose order as text is their order in time.
 *
 * A write that names an attempt lands only while that attempt holds the job; all such writes resolve to whether it did.
 */
export class JobStore {
  readonly #redis: Redis & JobCommands;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string = DEFAULT_PREFIX) {
    this.#redis = withJobCommands(redis);
    this.#prefix = prefix;
  }

  create(kind: 'train', request: TrainRequest): Promise<TrainJob>;
  create(kind: 'evaluate', request: EvaluateRequest): Promise<EvaluateJob>;
  /** Writes a new record in state `queued`. The caller enqueues it afterwards. */
  async create(kind: JobKind, request: TrainRequest | EvaluateRequest): Promise<JobRecord> {
    const id = uuidV7();
    const at = new Date().toISOString();
    const transition: Transition = { state: 'queued', at, cause: 'Submitted.' };
    const fields = { id, kind, state: 'queued', attempt: '0', createdAt: at, updatedAt: at };
    const stored = { ...fields, request: JSON.stringify(request) };
    const filters: JobFilter[] = [{}, { kind }, { state: 'queued' }, { kind, state: 'queued' }];
    const write = this.#redis.multi().hset(recordKey(this.#prefix, id), stored);
    write.rpush(transitionsKey(this.#prefix, id), JSON.stringify(transition));
    for (const filter of filters) write.zadd(indexKey(this.#prefix, filter), 0, id);
    for (const [error] of (await write.exec()) ?? []) if (error) throw error;
    return toJobRecord([Object.entries(stored).flat(), [JSON.stringify(transition)]]);
  }

  /** The record, or null when no job has this id. */
  async get(id: string): Promise<JobRecord | null> {
    const stored = await this.#redis.arcqueueGet(
      recordKey(this.#prefix, id),
      transitionsKey(this.#prefix, id),
    );
    return stored[0].length === 0 ? null : toJobRecord(stored);
  }

  /**
   * A page of jobs, newest first. `after` is the cursor of the page before; the cost depends on `limit`, and only
   * with its logarithm on how many jobs there are.
   */
  async list(query: JobFilter & { readonly after?: string; readonly limit: number }): Promise<JobPage> {
    const bound = query.after === undefined ? '+' : `(${query.after}`;
    const key = indexKey(this.#prefix, query);
    const stored = await this.#redis.arcqueueList(key, this.#prefix, bound, query.limit + 1);
    const jobs = stored.slice(0, query.limit).map(toJobRecord);
    return { jobs, nextCursor: stored.length > query.limit ? (jobs.at(-1)?.id ?? null) : null };
  }

  /**
   * Moves the job to state `to` when the state table allows it and no later attempt holds the job. Entering
   * `starting` with an attempt hands the job to that attempt and forgets the progress of the one before.
   */
  transition(
    id: string,
    to: JobState,
    cause: string,
    options: { readonly attempt?: number } = {},
  ): Promise<TransitionOutcome> {
    return this.#move(id, to, cause, { ...options });
  }

  /** Moves the job to `failed` and keeps the error, in one step. */
  fail(id: string, attempt: number, error: JobFailure, cause: string): Promise<TransitionOutcome> {
    const { code, fault, retryable, message } = error;
    return this.#move(id, 'failed', cause, { attempt, error: { code, fault, retryable, message } });
  }

  saveProgress(id: string, attempt: number, progress: Progress, metrics: LatestMetrics): Promise<boolean> {
    const fields = { progress: JSON.stringify(progress), metrics: JSON.stringify(metrics) };
    return this.#writeFields(id, attempt, fields);
  }

  saveResult(id: string, attempt: number, result: Readonly<Record<string, unknown>>): Promise<boolean> {
    return this.#writeFields(id, attempt, { result: JSON.stringify(result) });
  }

  appendSteps(id: string, attempt: number, rows: readonly StepMetrics[]): Promise<boolean> {
    return this.#appendMetrics(id, attempt, 'steps', JSON.stringify(rows));
  }

  appendEpoch(id: string, attempt: number, epoch: EpochMetrics): Promise<boolean> {
    return this.#appendMetrics(id, attempt, 'epoch', JSON.stringify(epoch));
  }

  /** The whole history of the attempt that holds the job; empty lists when there is none. */
  async readMetrics(id: string): Promise<MetricsHistory> {
    const attempt = await this.#redis.hget(recordKey(this.#prefix, id), 'attempt');
    return readMetricsStream(this.#redis, metricsKey(this.#prefix, id), Number(attempt ?? 0));
  }

  async #move(
    id: string,
    to: JobState,
    cause: string,
    { attempt, error }: { attempt?: number; error?: JobFailure },
  ): Promise<TransitionOutcome> {
    const transition: Transition = { state: to, at: new Date().toISOString(), cause };
    const [outcome, from] = await this.#redis.arcqueueTransition(
      recordKey(this.#prefix, id),
      transitionsKey(this.#prefix, id),
      this.#prefix,
      id,
      to,
      transition.at,
      JSON.stringify(transition),
      `,${statesBefore(to).join(',')},`,
      attempt ?? '',
      error === undefined ? '' : JSON.stringify(error),
    );
    const state = from === '' ? null : from;
    if (outcome !== 'moved') return { moved: false, reason: outcome, state };
    if (state === null) throw new Error(`Expected the state that job ${id} left, found none.`);
    return { moved: true, from: state, state: to };
  }

  async #writeFields(id: string, attempt: number, fields: Record<string, string>): Promise<boolean> {
    const args = { ...fields, updatedAt: new Date().toISOString() };
    const key = recordKey(this.#prefix, id);
    return (await this.#redis.arcqueueWriteFields(key, attempt, ...Object.entries(args).flat())) === 1;
  }

  async #appendMetrics(
    id: string,
    attempt: number,
    field: 'steps' | 'epoch',
    json: string,
  ): Promise<boolean> {
    const keys = [recordKey(this.#prefix, id), metricsKey(this.#prefix, id)];
    return (await this.#redis.arcqueueAppendMetrics(...keys, attempt, field, json)) === 1;
  }
}
