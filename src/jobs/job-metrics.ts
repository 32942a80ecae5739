import type { Redis } from 'ioredis';
import type { EpochMetrics, StepMetrics } from './job-record.js';

export type MetricsHistory = { readonly steps: StepMetrics[]; readonly epochs: EpochMetrics[] };

/** Entries per reply: a long training has thousands, and one reply with all of them would hold Redis up. */
const PAGE = 500;

/** Reads a job's metrics stream from its beginning, keeping the entries that `attempt` wrote. */
export async function readMetricsStream(redis: Redis, key: string, attempt: number): Promise<MetricsHistory> {
  const steps: StepMetrics[] = [];
  const epochs: EpochMetrics[] = [];
  let start = '-';
  for (;;) {
    const entries = await redis.xrange(key, start, '+', 'COUNT', PAGE);
    for (const [, [, writer, field, json]] of entries) {
      if (Number(writer) !== attempt || json === undefined) continue;
      if (field === 'steps') steps.push(...(JSON.parse(json) as StepMetrics[]));
      else epochs.push(JSON.parse(json) as EpochMetrics);
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < PAGE) return { steps, epochs };
    start = `(${last[0]}`;
  }
}
