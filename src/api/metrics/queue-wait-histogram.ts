import type { Metric, Registry } from 'prom-client';
import { type QueueWaits, WAIT_BOUNDS, type WaitCounts } from '../../jobs/queue-wait.js';

const NAME = 'arcqueue_queue_wait_seconds';

/**
 * Registers a histogram whose counts lie in Redis, where the workers keep them. prom-client's own class counts in this
 * process only; a registry needs no more of a metric than what it says when it is asked.
 */
export function registerQueueWait(waits: QueueWaits, registry: Registry): void {
  const metric = {
    name: NAME,
    help: 'Time between entering the queue and being taken by a worker.',
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({ ...metric, values: (await waits.read()).flatMap(toValues) }),
  };
  registry.registerMetric(metric as unknown as Metric);
}

function toValues({ kind, counts, sumSeconds }: WaitCounts) {
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    const le = WAIT_BOUNDS[index] ?? '+Inf';
    return { labels: { kind, le }, value: total, metricName: `${NAME}_bucket` };
  });
  return [
    ...buckets,
    { labels: { kind }, value: sumSeconds, metricName: `${NAME}_sum` },
    { labels: { kind }, value: total, metricName: `${NAME}_count` },
  ];
}
