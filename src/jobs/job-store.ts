import type { Redis } from 'ioredis';
import { v7 as uuidV7 } from 'uuid';
import { type JobCommands, withJobCommands } from './job-commands.js';
import type { JobFailure } from './job-error.js';
import {
  EVENT_STREAMS,
  type EventStream,
  type EventType,
  type JobEvent,
  mergePages,
  streamOf,
} from './job-event.js';
import {
  DEFAULT_PREFIX,
  eventStreamKey,
  indexKey,
  type JobFilter,
  recordKey,
  transitionsKey,
} from './job-keys.js';
import { type MetricsHistory, readMetricsStreams } from './job-metrics.js';
import {
  type EpochMetrics,
  type EvaluateJob,
  type InspectJob,
  JOB_KINDS,
  JOB_STATES,
  type JobKind,
  type JobRecord,
  type JobState,
  type LatestMetrics,
  type Progress,
  type StepMetrics,
  type TrainJob,
  type Transition,
} from './job-record.js';
import { HELD_STATES, statesBefore, TERMINAL_STATES } from './job-state.js';
import { deduplicationName, type NewJob, toStored } from './new-job.js';
import { QueuedJobsLimit } from './queued-jobs-limit.js';
import type { EvaluateRequest, InspectRequest, TrainRequest } from './requests.js';
import { toJobRecord } from './stored-job.js';

/** What became of a transition: moved, or refused with the state that the record keeps. */
export type TransitionOutcome =
  | { readonly moved: true; readonly from: JobState; readonly state: JobState }
  | {
      readonly moved: false;
      /**
       * `stale_attempt`: a later attempt holds the job. `not_allowed`: the state table has no such step. `owner_busy`: its
       * owner has as many running jobs as allowed.
       */
      readonly reason: 'not_found' | 'stale_attempt' | 'not_allowed' | 'owner_busy';
      readonly state: JobState | null;
    };

export type TransitionOptions = {
  readonly attempt?: number;
  readonly actor?: string;
  /** Most jobs of one owner that workers may hold, for a queued job that is to start. */
  readonly maxRunningJobs?: number | undefined;
};
export type JobPage = { readonly jobs: JobRecord[]; readonly nextCursor: string | null };

/** What a reader of events asks for: those after number `after`, up to about `limit`, of these streams. */
export type EventQuery = {
  readonly after: number;
  readonly limit: number;
  readonly streams?: readonly EventStream[];
};
/** Events in their order, and where the job was when they were read. */
export type EventPage = {
  readonly events: JobEvent[];
  readonly state: JobState;
  /** Number of the job's newest event. */
  readonly newest: number;
};

const ALL_STREAMS = Object.keys(EVENT_STREAMS) as EventStream[];

/**
 * The job records in Redis: a hash per job, its dated transitions as a list, its events as streams, and sorted sets
 * of ids for listing. Ids are UUIDs of version 7, whose order as text is their order in time.
 *
 * A write that names an attempt lands only while that attempt holds the job; all such writes resolve to whether it did.
 */
export class JobStore {
  readonly #redis: Redis & JobCommands;
  readonly #prefix: string;
  readonly #actor: string;

  /** `actor` is who transitions are put down to unless they say otherwise. */
  constructor(redis: Redis, prefix: string = DEFAULT_PREFIX, actor = 'service') {
    this.#redis = withJobCommands(redis);
    this.#prefix = prefix;
    this.#actor = actor;
  }

  create(kind: 'train', request: TrainRequest): Promise<TrainJob>;
  create(kind: 'evaluate', request: EvaluateRequest): Promise<EvaluateJob>;
  create(kind: 'inspect', request: InspectRequest): Promise<InspectJob>;
  /** Writes a new record in state `queued`. The caller enqueues it afterwards. */
  async create(kind: JobKind, request: TrainRequest | EvaluateRequest | InspectRequest): Promise<JobRecord> {
    const { job } = await this.createAll([{ id: uuidV7(), kind, request } as NewJob]);
    return job;
  }

  /**
   * Writes new records in state `queued`, all or none, and gives the first. None are written, and the job is another or
   * not new, where its id is taken or its deduplication key names a job that is not over.
   * @throws QueuedJobsLimit when they would be more queued jobs of their owner than `maxQueuedJobs`
   */
  async createAll(
    jobs: readonly [NewJob, ...NewJob[]],
    maxQueuedJobs?: number,
  ): Promise<{ job: JobRecord; isNew: boolean }> {
    const at = new Date().toISOString();
    const [first] = jobs;
    const key = first.options?.deduplicationKey;
    const stored = jobs.map((job) => toStored(job, at, this.#actor));
    const name = key === undefined ? '' : deduplicationName(first.owner, key);
    const args = stored.map((job) => JSON.stringify(job));
    const id = await this.#redis.arcqueueCreate(this.#prefix, name, maxQueuedJobs ?? '', ...args);
    if (id === '') throw new QueuedJobsLimit(maxQueuedJobs ?? 0);
    const job = await this.get(id);
    if (job === null) throw new Error(`Expected the record of job ${id}, found it deleted at once.`);
    return { job, isNew: id === first.id };
  }

  /** Removes a job that is over, with its events. False when there is none, or it is not over. */
  async delete(id: string): Promise<boolean> {
    const streams = ALL_STREAMS.map((stream) => eventStreamKey(this.#prefix, id, stream));
    const keys = [...this.#keys(id), ...streams];
    const from = `,${TERMINAL_STATES.join(',')},`;
    return (await this.#redis.arcqueueDelete(keys.length, ...keys, this.#prefix, id, from)) === 1;
  }

  /** The record, or null when no job has this id. */
  async get(id: string): Promise<JobRecord | null> {
    const stored = await this.#redis.arcqueueGet(...this.#keys(id));
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

  /** How many jobs of an owner workers hold, or are believed to. */
  async countHeld(owner: string): Promise<number> {
    const count = (state: JobState) => this.#redis.zcard(indexKey(this.#prefix, { owner, state }));
    return (await Promise.all(HELD_STATES.map(count))).reduce((sum, each) => sum + each, 0);
  }

  /** How many jobs there are of each kind in each state. */
  async countJobs(): Promise<{ kind: JobKind; state: JobState; count: number }[]> {
    const groups = JOB_KINDS.flatMap((kind) => JOB_STATES.map((state) => ({ kind, state })));
    const ask = async (group: { kind: JobKind; state: JobState }) => {
      return { ...group, count: await this.#redis.zcard(indexKey(this.#prefix, group)) };
    };
    return Promise.all(groups.map(ask));
  }

  /**
   * Moves the job to state `to` when the state table allows it and no later attempt holds the job. Entering
   * `starting` with an attempt hands the job to that attempt and forgets the progress of the one before.
   */
  transition(
    id: string,
    to: JobState,
    cause: string,
    { attempt, actor, maxRunningJobs }: TransitionOptions = {},
  ): Promise<TransitionOutcome> {
    return this.#move(id, this.#dated(to, cause, actor), { attempt, maxRunningJobs });
  }

  /** Moves the job to `failed` and keeps the error, in one step. */
  fail(
    id: string,
    attempt: number,
    error: JobFailure,
    cause: string,
    actor?: string,
  ): Promise<TransitionOutcome> {
    const { code, fault, retryable, message } = error;
    const kept = { code, fault, retryable, message };
    return this.#move(id, this.#dated('failed', cause, actor), { attempt, error: kept });
  }

  /** Keeps the newest progress in the record and makes it an event, in one step. */
  saveProgress(id: string, attempt: number, progress: Progress, metrics: LatestMetrics): Promise<boolean> {
    const fields = { progress: JSON.stringify(progress), metrics: JSON.stringify(metrics) };
    return this.#write(id, attempt, { fields, type: 'progress', data: { ...progress, metrics } });
  }

  saveResult(id: string, attempt: number, result: Readonly<Record<string, unknown>>): Promise<boolean> {
    return this.#write(id, attempt, { fields: { result: JSON.stringify(result) } });
  }

  /** Appends an event of the attempt. */
  appendEvent(id: string, attempt: number, type: EventType, data: unknown): Promise<boolean> {
    return this.#write(id, attempt, { type, data });
  }

  /** Appends rows of metrics, and remembers the last of them. */
  appendSteps(id: string, attempt: number, steps: readonly StepMetrics[]): Promise<boolean> {
    const fields = { toldStep: `${steps.at(-1)?.[0] ?? 0}` };
    return this.#write(id, attempt, { fields, type: 'steps', data: steps });
  }

  appendEpoch(id: string, attempt: number, epoch: EpochMetrics): Promise<boolean> {
    return this.#write(id, attempt, { fields: { toldEpoch: `${epoch.epoch}` }, type: 'epoch', data: epoch });
  }

  appendGuard(id: string, attempt: number, event: { readonly step: number }): Promise<boolean> {
    return this.#write(id, attempt, {
      fields: { toldGuardStep: `${event.step}` },
      type: 'guard',
      data: event,
    });
  }

  /** The last step, epoch and guard event that any attempt has told of the job; 0 for none. */
  async toldBefore(id: string): Promise<{ step: number; epoch: number; guardStep: number }> {
    const fields = ['toldStep', 'toldEpoch', 'toldGuardStep'] as const;
    const [step, epoch, guardStep] = await this.#redis.hmget(recordKey(this.#prefix, id), ...fields);
    return { step: Number(step ?? 0), epoch: Number(epoch ?? 0), guardStep: Number(guardStep ?? 0) };
  }

  /** The history, as far as Redis keeps it, of all attempts: none tells a step again. Empty lists when there is none. */
  async readMetrics(id: string): Promise<MetricsHistory> {
    return readMetricsStreams(this.#redis, { prefix: this.#prefix, id });
  }

  /** The events after a number, in their order and without a gap but for what was evicted; null without such a job. */
  async readEvents(id: string, query: EventQuery): Promise<EventPage | null> {
    const { after, limit, streams = ALL_STREAMS } = query;
    const keys = streams.map((stream) => eventStreamKey(this.#prefix, id, stream));
    const args = [recordKey(this.#prefix, id), ...keys, after, limit];
    const [state, newest, pages] = await this.#redis.arcqueueReadEvents(keys.length + 1, ...args);
    if (state === '') return null;
    return { events: mergePages(pages, limit), state, newest: Number(newest) };
  }

  #keys(id: string): [record: string, transitions: string] {
    return [recordKey(this.#prefix, id), transitionsKey(this.#prefix, id)];
  }

  #dated(state: JobState, cause: string, actor: string = this.#actor): Transition {
    return { state, at: new Date().toISOString(), cause, actor };
  }

  async #move(
    id: string,
    transition: Transition,
    move: { attempt?: number | undefined; error?: JobFailure; maxRunningJobs?: number | undefined },
  ): Promise<TransitionOutcome> {
    const { attempt, error, maxRunningJobs } = move;
    const [outcome, from] = await this.#redis.arcqueueTransition(
      ...this.#keys(id),
      this.#prefix,
      id,
      transition.state,
      transition.at,
      JSON.stringify(transition),
      `,${statesBefore(transition.state).join(',')},`,
      attempt ?? '',
      error === undefined ? '' : JSON.stringify(error),
      maxRunningJobs ?? '',
    );
    const state = from === '' ? null : from;
    if (outcome !== 'moved') return { moved: false, reason: outcome, state };
    if (state === null) throw new Error(`Expected the state that job ${id} left, found none.`);
    return { moved: true, from: state, state: transition.state };
  }

  async #write(
    id: string,
    attempt: number,
    { fields, type, data }: { fields?: Record<string, string>; type?: EventType; data?: unknown },
  ): Promise<boolean> {
    const at = new Date().toISOString();
    const stream = type === undefined ? 'kept' : streamOf(type);
    const event = [stream, EVENT_STREAMS[stream] ?? 0, type ?? '', JSON.stringify(data ?? null)];
    const stored = fields === undefined ? [] : Object.entries({ ...fields, updatedAt: at }).flat();
    const key = recordKey(this.#prefix, id);
    return (await this.#redis.arcqueueWrite(key, this.#prefix, id, attempt, at, ...event, ...stored)) === 1;
  }
}
