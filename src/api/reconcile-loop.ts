import type { FastifyBaseLogger } from 'fastify';
import type { Redis } from 'ioredis';
import type { JobQueue } from '../jobs/job-queue.js';
import type { JobStore } from '../jobs/job-store.js';

const EVERY_MS = 30_000;

export type Reconciling = {
  readonly queue: JobQueue;
  readonly store: JobStore;
  readonly redis: Redis;
  readonly log: FastifyBaseLogger;
};

/**
 * Brings records and queue back together: now, whenever Redis comes back, and every 30 s. The returned function ends
 * that and resolves once no run is under way. Several APIs may do this side by side: enqueueing twice adds once.
 */
export function startReconciling({ queue, store, redis, log }: Reconciling): () => Promise<void> {
  const run = async () => {
    if (redis.status !== 'ready') return;
    try {
      const { enqueued, ended } = await queue.reconcile(store);
      if (enqueued.length > 0) log.warn({ jobIds: enqueued }, 'enqueued jobs that had no queue entry');
      if (ended.length > 0) log.warn({ jobIds: ended }, 'ended jobs that no worker holds');
    } catch (error) {
      log.warn({ err: error }, 'could not reconcile records with the queue');
    }
  };
  let running = run();
  const again = () => {
    running = running.then(run);
  };
  redis.on('ready', again);
  const timer = setInterval(again, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    redis.off('ready', again);
    return running;
  };
}
