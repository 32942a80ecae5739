import type { Redis } from 'ioredis';
import { DEFAULT_PREFIX } from './job-keys.js';
import { JOB_KINDS, type JobKind, type JobRecord } from './job-record.js';

/** Upper bounds, in seconds, of the classes that waits are counted in. */
export const WAIT_BOUNDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43_200, 172_800] as const;

/** How long jobs of a kind have waited: how many up to each bound and beyond, and in all. */
export type WaitCounts = {
  readonly kind: JobKind;
  /** Not cumulative; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
};

/** Seconds that a queued job has waited for a worker; null for one that did not, or waited for another job. */
export function queueWaitSeconds(job: JobRecord, nowMs: number): number | null {
  const queued = job.transitions.at(-1);
  if (job.state !== 'queued' || queued === undefined || job.dependsOn !== null) return null;
  const startMs = job.options.startAfter === undefined ? 0 : Date.parse(job.options.startAfter);
  return Math.max(0, nowMs - Math.max(startMs, Date.parse(queued.at))) / 1000;
}

/** Index of the class that a wait belongs to. */
export function classOf(seconds: number): number {
  const index = WAIT_BOUNDS.findIndex((bound) => seconds <= bound);
  return index < 0 ? WAIT_BOUNDS.length : index;
}

/** The waits that all workers have seen, in Redis: workers count, and any API can be asked. */
export class QueueWaits {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string = DEFAULT_PREFIX,
  ) {}

  async count(kind: JobKind, seconds: number): Promise<void> {
    const key = this.#key(kind);
    await this.redis
      .multi()
      .hincrby(key, String(classOf(seconds)), 1)
      .hincrbyfloat(key, 'sum', seconds)
      .exec();
  }

  read(): Promise<WaitCounts[]> {
    return Promise.all(
      JOB_KINDS.map(async (kind) => {
        const stored = await this.redis.hgetall(this.#key(kind));
        const counts = Array.from({ length: WAIT_BOUNDS.length + 1 }, (_, i) => Number(stored[i] ?? 0));
        return { kind, counts, sumSeconds: Number(stored.sum ?? 0) };
      }),
    );
  }

  #key(kind: JobKind): string {
    return `${this.prefix}:queue-wait:${kind}`;
  }
}
