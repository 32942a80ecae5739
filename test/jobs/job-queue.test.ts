import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ControlMessage, subscribeControl } from '../../src/jobs/job-control.js';
import { queuePrefix } from '../../src/jobs/job-keys.js';
import { attemptOf, JobQueue, QUEUE_NAME, type QueuedJob } from '../../src/jobs/job-queue.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { trainRequest } from './job-requests.js';

let server: TestRedis;
let redis: Redis;
let store: JobStore;
let queue: JobQueue;
let worker: Worker<QueuedJob> | undefined;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
});
beforeEach(async () => {
  await redis.flushall();
  store = new JobStore(redis);
  queue = new JobQueue(redis);
});
afterEach(async () => {
  await worker?.close(true);
  worker = undefined;
  await queue.close();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** Runs a worker that notes what it was given and is busy for as long as `work` takes. */
function startWorker(work: () => Promise<void> = async () => {}): { id: string; attempt: number }[] {
  const taken: { id: string; attempt: number }[] = [];
  worker = new Worker<QueuedJob>(
    QUEUE_NAME,
    async (job) => {
      taken.push({ id: job.data.id, attempt: attemptOf(job) });
      await work();
    },
    { connection: redis, prefix: queuePrefix('arcqueue') },
  );
  return taken;
}

describe('the queue', () => {
  it('hands a job to a worker once, however often it is enqueued', async () => {
    const job = await store.create('train', trainRequest);
    await queue.enqueue(job);
    await queue.enqueue(job);
    const taken = startWorker();
    await vi.waitFor(() => expect(taken).toEqual([{ id: job.id, attempt: 1 }]), 5000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(taken).toHaveLength(1);
  });

  it('leaves nothing of a finished job in Redis', async () => {
    const job = await store.create('train', trainRequest);
    await queue.enqueue(job);
    const taken = startWorker();
    await vi.waitFor(() => expect(taken).toHaveLength(1), 5000);
    await vi.waitFor(async () => expect(await redis.keys(`*:bull:*${job.id}*`)).toEqual([]), 5000);
  });

  it('removes a waiting job, so that no worker gets it', async () => {
    const [removed, kept] = [
      await store.create('train', trainRequest),
      await store.create('train', trainRequest),
    ];
    await queue.enqueue(removed);
    await queue.enqueue(kept);
    expect(await queue.remove(removed.id)).toBe(true);
    const taken = startWorker();
    await vi.waitFor(() => expect(taken).toEqual([{ id: kept.id, attempt: 1 }]), 5000);
  });

  it('leaves a job that a worker holds', async () => {
    const job = await store.create('train', trainRequest);
    await queue.enqueue(job);
    let finish = () => {};
    const taken = startWorker(() => new Promise<void>((resolve) => (finish = resolve)));
    await vi.waitFor(() => expect(taken).toHaveLength(1), 5000);
    expect(await queue.remove(job.id)).toBe(false);
    finish();
  });
});

describe('reconcile', () => {
  it('enqueues a record whose creator died before enqueueing, with a higher attempt', async () => {
    const job = await store.create('train', trainRequest);
    await store.transition(job.id, 'starting', 'Taken.', { attempt: 4 });
    await store.transition(job.id, 'queued', 'Worker lost.', { attempt: 4 });
    expect(await queue.reconcile(store, -1)).toEqual({ enqueued: [job.id], ended: [] });
    const taken = startWorker();
    await vi.waitFor(() => expect(taken).toEqual([{ id: job.id, attempt: 5 }]), 5000);
  });

  it('passes over young records, those in the queue, and those that no longer wait', async () => {
    const young = await store.create('train', trainRequest);
    expect(await queue.reconcile(store, 60_000)).toEqual({ enqueued: [], ended: [] });
    const cancelled = await store.create('train', trainRequest);
    await store.transition(cancelled.id, 'cancelled', 'Asked.');
    await queue.enqueue(young);
    expect(await queue.reconcile(store, -1)).toEqual({ enqueued: [], ended: [] });
  });

  it('ends a record that claims a worker while the queue no longer has the job', async () => {
    const running = await store.create('train', trainRequest);
    const cancelling = await store.create('train', trainRequest);
    const held = await store.create('train', trainRequest);
    for (const { id } of [running, cancelling, held]) {
      await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
      await store.transition(id, 'running', 'Ready.', { attempt: 1 });
    }
    await store.transition(cancelling.id, 'cancelling', 'Asked.');
    await queue.enqueue(held);
    expect((await queue.reconcile(store, -1)).ended.sort()).toEqual([running.id, cancelling.id].sort());
    expect(await store.get(running.id)).toMatchObject({ state: 'failed', error: { code: 'worker_lost' } });
    expect((await store.get(cancelling.id))?.state).toBe('cancelled');
    expect((await store.get(held.id))?.state).toBe('running');
  });

  it('looks beyond the first page', async () => {
    const ids = await Promise.all(
      Array.from({ length: 230 }, async () => (await store.create('train', trainRequest)).id),
    );
    expect((await queue.reconcile(store, -1)).enqueued.sort()).toEqual(ids.sort());
  });
});

describe('control', () => {
  it('carries a cancel to every subscriber until it unsubscribes', async () => {
    const heard: ControlMessage[] = [];
    const unsubscribe = await subscribeControl(redis, (message) => heard.push(message));
    await queue.requestCancel('some-job');
    await vi.waitFor(() => expect(heard).toEqual([{ type: 'cancel', id: 'some-job' }]));
    unsubscribe();
    await vi.waitFor(async () =>
      expect(await redis.pubsub('NUMSUB', 'arcqueue:control')).toEqual(['arcqueue:control', 0]),
    );
  });
});
