import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { judgeDependency, settleDependants } from '../../src/jobs/dependants.js';
import { JobError } from '../../src/jobs/job-error.js';
import { DEFAULT_OPTIONS } from '../../src/jobs/job-options.js';
import { JobQueue } from '../../src/jobs/job-queue.js';
import { JOB_STATES, type JobState } from '../../src/jobs/job-record.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { evaluateRequest, trainRequest } from './job-requests.js';

let server: TestRedis;
let redis: Redis;
let store: JobStore;
let queue: JobQueue;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
  store = new JobStore(redis);
  queue = new JobQueue(redis);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});

/** A training in `state`, and an evaluation that waits for it. */
async function pair(path: readonly JobState[]): Promise<void> {
  await store.createAll([
    { id: 'train', kind: 'train', request: trainRequest, dependants: ['evaluation'] },
    { id: 'evaluation', kind: 'evaluate', request: evaluateRequest('train'), dependsOn: 'train' },
  ]);
  for (const state of path) await store.transition('train', state, 'Test.');
}
const SUCCESS = ['starting', 'running', 'finalizing', 'succeeded'] as const;

it('lets a job go once the one before has succeeded, fails it where that cannot come, else waits', async () => {
  await pair([]);
  const train = await store.get('train');
  if (train === null) throw new Error('expected the training; found none');
  const verdicts = JOB_STATES.map((state) => {
    const verdict = judgeDependency('train', { ...train, state });
    return [state, verdict instanceof JobError ? verdict.code : verdict];
  });
  const over = { succeeded: 'go', failed: 'dependency_failed', cancelled: 'dependency_failed' };
  expect(verdicts).toEqual(JOB_STATES.map((state) => [state, { ...over }[state as 'failed'] ?? 'wait']));
  expect(judgeDependency('train', null)).toMatchObject({ message: expect.stringContaining('gone') });
});

it('enqueues what waits at the end of a training, and not before', async () => {
  await pair(SUCCESS.slice(0, -1));
  await settleDependants(store, queue, 'train');
  expect(await queue.has('evaluation')).toBe(false);
  await store.transition('train', 'succeeded', 'Test.');
  await settleDependants(store, queue, 'train');
  expect(await queue.has('evaluation')).toBe(true);
});

it('fails what waits for a training that has failed, with its reason', async () => {
  await pair(['starting']);
  await store.fail('train', 0, new JobError('class_empty', 'data', 'Expected images; found none.'), 'Test.');
  await settleDependants(store, queue, 'train');
  expect(await store.get('evaluation')).toMatchObject({
    state: 'failed',
    error: { code: 'dependency_failed', fault: 'data', message: expect.stringContaining('found none.') },
  });
});

it('is done by reconciling too, which leaves alone what still has to wait', async () => {
  await pair([]);
  await queue.enqueue({
    id: 'train',
    kind: 'train',
    attempt: 0,
    options: DEFAULT_OPTIONS,
  });
  expect(await queue.reconcile(store, 0)).toEqual({ enqueued: [], ended: [] });
  for (const state of SUCCESS) await store.transition('train', state, 'Test.');
  expect(await queue.reconcile(store, 0)).toEqual({ enqueued: ['evaluation'], ended: [] });
  await redis.flushall();
  await pair(['cancelled']);
  expect(await queue.reconcile(store, 0)).toEqual({ enqueued: [], ended: ['evaluation'] });
  expect((await store.get('evaluation'))?.state).toBe('failed');
});
