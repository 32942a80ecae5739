import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { QueueWaits } from '../../jobs/queue-wait.js';
import { WorkerRegistry } from '../../jobs/worker-registry.js';
import type { ApiContext } from '../api-context.js';
import { registerQueueWait } from './queue-wait-histogram.js';

export type ServiceMetrics = {
  readonly registry: Registry;
  readonly httpSeconds: Histogram<'method' | 'route' | 'status'>;
};

/**
 * What Prometheus reads. What belongs to the service (jobs, workers, waits) is read from Redis when it is asked for, so every
 * API process says the same; what belongs to this process (event loop, memory, HTTP) is its own.
 */
export function createServiceMetrics({ store, redis, queuePrefix }: ApiContext): ServiceMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registerQueueWait(new QueueWaits(redis, queuePrefix), registry);
  new Gauge({
    name: 'arcqueue_jobs',
    help: 'Jobs by kind and state.',
    labelNames: ['kind', 'state'] as const,
    registers,
    async collect() {
      this.reset();
      for (const { kind, state, count } of await store.countJobs()) this.set({ kind, state }, count);
    },
  });
  const workers = new WorkerRegistry(redis, queuePrefix);
  new Gauge({
    name: 'arcqueue_training_images_per_second',
    help: 'Images per second of the job that a worker runs.',
    labelNames: ['worker', 'kind'] as const,
    registers,
    async collect() {
      this.reset();
      for (const { id, job } of await workers.list()) {
        const speed = job?.imagesPerSecond ?? null;
        if (job !== null && speed !== null) this.set({ worker: id, kind: job.kind }, speed);
      }
    },
  });
  new Gauge({
    name: 'arcqueue_workers',
    help: 'Workers that are alive, by device and by whether they run a job.',
    labelNames: ['device', 'busy'] as const,
    registers,
    async collect() {
      this.reset();
      for (const { device, job } of await workers.list()) {
        this.inc({ device, busy: String(job !== null) });
      }
    },
  });
  const httpSeconds = new Histogram({
    name: 'arcqueue_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer, but for streams.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  return { registry, httpSeconds };
}
