import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import { classOf, QueueWaits, queueWaitSeconds, WAIT_BOUNDS } from '../../src/jobs/queue-wait.js';
import { WorkerRegistry, type WorkerReport } from '../../src/jobs/worker-registry.js';
import { evaluateRequest, trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
afterAll(() => api.stop());

const worker = (id: string, job: WorkerReport['job']): WorkerReport => ({
  ...{ id, host: 'host', device: 'cpu', memoryBytes: 1e9, freeMemoryBytes: 1e8, job },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', heartbeatAt: '2026-01-01T00:00:00.000Z' },
});

/** The samples by name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const answer = await api.app.inject({ url: '/metrics' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toContain('text/plain');
  const lines = answer.body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

it('gives Prometheus what the whole service does, and what this process does', async () => {
  const { id } = await api.store.create('train', trainRequest);
  await api.store.create('train', trainRequest);
  await api.store.create('evaluate', evaluateRequest(id));
  await api.store.transition(id, 'starting', 'Test.', { attempt: 1 });
  const waits = new QueueWaits(api.redis);
  for (const seconds of [0.2, 0.3, 40, 1e6]) await waits.count('train', seconds);
  const registry = new WorkerRegistry(api.redis);
  const job = {
    id,
    kind: 'train',
    attempt: 1,
    since: '2026-01-01T00:00:00.000Z',
    imagesPerSecond: 41.5,
  } as const;
  await registry.report(worker('a', job));
  await registry.report(worker('b', null));
  await api.app.inject({ url: `/jobs/${id}` });
  await api.app.inject({ url: '/jobs/missing' });

  const samples = await scrape();
  expect(samples.get('arcqueue_jobs{kind="train",state="queued"}')).toBe(1);
  expect(samples.get('arcqueue_jobs{kind="train",state="starting"}')).toBe(1);
  expect(samples.get('arcqueue_jobs{kind="evaluate",state="queued"}')).toBe(1);
  expect(samples.get('arcqueue_workers{device="cpu",busy="true"}')).toBe(1);
  expect(samples.get('arcqueue_workers{device="cpu",busy="false"}')).toBe(1);
  expect(samples.get('arcqueue_training_images_per_second{worker="a",kind="train"}')).toBe(41.5);
  const bucket = (le: string) => samples.get(`arcqueue_queue_wait_seconds_bucket{kind="train",le="${le}"}`);
  expect(['0.1', '0.5', '15', '60', '+Inf'].map(bucket)).toEqual([0, 2, 2, 3, 4]);
  expect(samples.get('arcqueue_queue_wait_seconds_count{kind="train"}')).toBe(4);
  expect(samples.get('arcqueue_queue_wait_seconds_sum{kind="train"}')).toBeCloseTo(1_000_040.5, 6);
  const http = (status: number) =>
    samples.get(
      `arcqueue_http_request_duration_seconds_count{method="GET",route="/jobs/:id",status="${status}"}`,
    );
  expect([http(200), http(404)]).toEqual([1, 1]);
  expect(samples.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
});

it('counts how long a job waited for a worker, not for its time or another job', async () => {
  const job = await api.store.create('train', trainRequest);
  const entered = Date.parse(job.createdAt);
  expect(queueWaitSeconds(job, entered + 2500)).toBe(2.5);
  const later = { ...job, options: { ...job.options, startAfter: new Date(entered + 2000).toISOString() } };
  expect(queueWaitSeconds(later, entered + 2500)).toBe(0.5);
  expect(queueWaitSeconds({ ...job, dependsOn: 'other' }, entered + 2500)).toBeNull();
  expect(queueWaitSeconds({ ...job, state: 'running' }, entered + 2500)).toBeNull();
  expect([0, 0.1, 0.11, 172_800, 172_801].map(classOf)).toEqual([0, 0, 1, 10, WAIT_BOUNDS.length]);
});

it('forgets a worker whose report has expired', async () => {
  const registry = new WorkerRegistry(api.redis, 'other');
  await registry.report(worker('brief', null), 50);
  expect((await registry.list()).map(({ id }) => id)).toEqual(['brief']);
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(await registry.list()).toEqual([]);
});

it("shows BullMQ's view of the queue only where that is switched on, and lets nobody change it", async () => {
  expect((await api.app.inject({ url: '/admin/queues' })).statusCode).toBe(404);
  const { app: _app, server: _server, stop: _stop, ...context } = api;
  const app = await buildApp({ ...context, logger: pino({ enabled: false }), bullBoard: 'on' });
  const page = await app.inject({ url: '/admin/queues' });
  expect([page.statusCode, page.headers['content-type']]).toEqual([
    200,
    expect.stringContaining('text/html'),
  ]);
  const { queues } = (await app.inject({ url: '/admin/queues/api/queues' })).json();
  expect(queues).toMatchObject([{ name: 'jobs', readOnlyMode: true }]);
  const { id } = await api.store.create('train', trainRequest);
  const job = await api.store.get(id);
  if (job !== null) await api.queue.enqueue(job);
  for (const act of ['clean', 'promote', 'retry']) {
    const tried = await app.inject({ method: 'PUT', url: `/admin/queues/api/queues/jobs/${id}/${act}` });
    expect(tried.statusCode).toBeGreaterThanOrEqual(400);
  }
  expect(await api.queue.has(id)).toBe(true);
  await app.close();
});
