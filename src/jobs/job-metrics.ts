import type { Redis } from 'ioredis';
import { type StreamEntry, toJobEvent } from './job-event.js';
import { eventStreamKey } from './job-keys.js';
import type { EpochMetrics, StepMetrics } from './job-record.js';

export type MetricsHistory = {
  readonly steps: StepMetrics[];
  readonly epochs: EpochMetrics[];
  /** Whether the oldest steps have been evicted; the artifact folder has them all. */
  readonly isTruncated: boolean;
};

/** Entries per reply: a long training has thousands, and one reply with all of them would hold Redis up. */
const PAGE = 500;

/** Reads a job's metrics from the beginning, over all attempts. */
export async function readMetricsStreams(
  redis: Redis,
  { prefix, id }: { readonly prefix: string; readonly id: string },
): Promise<MetricsHistory> {
  const steps: StepMetrics[] = [];
  const epochs: EpochMetrics[] = [];
  for await (const event of readStream(redis, eventStreamKey(prefix, id, 'steps'))) {
    steps.push(...(event.data as StepMetrics[]));
  }
  for await (const event of readStream(redis, eventStreamKey(prefix, id, 'kept'))) {
    if (event.type === 'epoch') epochs.push(event.data as EpochMetrics);
  }
  return { steps, epochs, isTruncated: (steps[0]?.[0] ?? 1) > 1 };
}

async function* readStream(redis: Redis, key: string) {
  let start = '-';
  for (;;) {
    const entries: StreamEntry[] = await redis.xrange(key, start, '+', 'COUNT', PAGE);
    yield* entries.map(toJobEvent);
    const last = entries.at(-1);
    if (last === undefined || entries.length < PAGE) return;
    start = `(${last[0]}`;
  }
}
