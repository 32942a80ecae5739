import type { Redis } from 'ioredis';
import { type Static, Type } from 'typebox';
import { DEFAULT_PREFIX } from './job-keys.js';
import { JOB_KINDS } from './job-record.js';
import { DEVICES } from './requirements.js';

/** How often a worker reports, and after how long without a report it no longer counts as alive. */
export const REPORT_EVERY_MS = 5000;
export const REPORT_LIFETIME_MS = 15_000;

/** What a worker says of itself. */
export const WorkerReport = Type.Object({
  id: Type.String({ description: 'Host and process id; transitions name it as their actor.' }),
  host: Type.String(),
  startedAt: Type.String({ format: 'date-time' }),
  heartbeatAt: Type.String({ format: 'date-time' }),
  device: Type.Enum([...DEVICES]),
  memoryBytes: Type.Integer({ description: 'Memory that it has for a job.' }),
  freeMemoryBytes: Type.Integer({ description: 'Memory free on its machine, as the system counts it.' }),
  job: Type.Union([
    Type.Object({
      id: Type.String(),
      kind: Type.Enum([...JOB_KINDS]),
      attempt: Type.Integer(),
      since: Type.String({ format: 'date-time' }),
      imagesPerSecond: Type.Union([Type.Number(), Type.Null()]),
    }),
    Type.Null(),
  ]),
});
export type WorkerReport = Static<typeof WorkerReport>;

/** The workers that are alive: a key each that expires by itself, and a list by the time of the last report. */
export class WorkerRegistry {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string = DEFAULT_PREFIX,
  ) {}

  async report(worker: WorkerReport, lifetimeMs = REPORT_LIFETIME_MS): Promise<void> {
    const now = Date.now();
    await this.redis
      .multi()
      .set(this.#key(worker.id), JSON.stringify(worker), 'PX', lifetimeMs)
      .zadd(this.#index, now, worker.id)
      // Forgets the names of those long gone; their keys have expired.
      .zremrangebyscore(this.#index, '-inf', now - 10 * lifetimeMs)
      .exec();
  }

  async forget(id: string): Promise<void> {
    await this.redis.multi().del(this.#key(id)).zrem(this.#index, id).exec();
  }

  /** Those alive, by id. */
  async list(): Promise<WorkerReport[]> {
    const ids = await this.redis.zrange(this.#index, '0', '-1');
    if (ids.length === 0) return [];
    const reports = await this.redis.mget(ids.map((id) => this.#key(id)));
    return reports
      .flatMap((json) => (json === null ? [] : [JSON.parse(json) as WorkerReport]))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get #index(): string {
    return `${this.prefix}:workers`;
  }

  #key(id: string): string {
    return `${this.prefix}:worker:${id}`;
  }
}
