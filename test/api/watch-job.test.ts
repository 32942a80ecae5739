import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/start-api.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { trainRequest } from '../jobs/job-requests.js';
import { SseClient } from './sse-client.js';

const HEARTBEAT_MS = 200;

let server: TestRedis;
let redis: Redis;
let store: JobStore;
let dir: string;
const apis: RunningApi[] = [];
const clients: SseClient[] = [];
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  store = new JobStore(redis);
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-watch-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(apis.splice(0).map((api) => api.close()));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true });
});

async function startOne(): Promise<RunningApi> {
  const folders = { datasetRoot: dir, artifactsDir: dir };
  const logger = pino({ enabled: false });
  const place = { redisUrl: server.url, host: '127.0.0.1', port: 0 };
  const api = await startApi({ ...folders, ...place, logger, heartbeatMs: HEARTBEAT_MS });
  apis.push(api);
  return api;
}

async function watch(api: RunningApi, id: string, lastEventId?: string): Promise<SseClient> {
  const client = await SseClient.open(`${api.url}/jobs/${id}/events`, lastEventId);
  clients.push(client);
  return client;
}

/** A job that is running, with its first attempt. */
async function startJob(): Promise<string> {
  const { id } = await store.create('train', trainRequest);
  await store.transition(id, 'starting', 'Test.', { attempt: 1 });
  await store.transition(id, 'running', 'Test.', { attempt: 1 });
  return id;
}

async function finish(id: string): Promise<void> {
  for (const state of ['finalizing', 'succeeded'] as const) {
    await store.transition(id, state, 'Test.', { attempt: 1 });
  }
}

const count = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

it('tells what has been and what comes, in order, and ends after the end of the job', async () => {
  const api = await startOne();
  const id = await startJob();
  const client = await watch(api, id);
  await vi.waitFor(() => expect(client.ids).toEqual([1, 2, 3]));
  await store.appendEvent(id, 1, 'steps', [[1, 2.5, 0.5, 0.01]]);
  await store.appendEvent(id, 1, 'log', { level: 'info', message: 'two\nlines' });
  await vi.waitFor(() => expect(client.ids).toEqual(count(5)));
  await finish(id);
  await client.ended;
  expect(client.events.map(({ event }) => event)).toEqual([
    ...Array(3).fill('transition'),
    'steps',
    'log',
    ...Array(2).fill('transition'),
  ]);
  expect(client.ids).toEqual(count(7));
  expect(JSON.parse(client.events[3]?.data ?? '')).toMatchObject({ attempt: 1, data: [[1, 2.5, 0.5, 0.01]] });
  expect(JSON.parse(client.events[4]?.data ?? '').data.message).toBe('two\nlines');
  expect(JSON.parse(client.events[6]?.data ?? '').data).toMatchObject({
    from: 'finalizing',
    state: 'succeeded',
  });
});

it('goes on without gap or repeat from another process, and over a restart, while the job writes', async () => {
  const first = await startOne();
  const second = await startOne();
  const id = await startJob();
  let isWriting = true;
  const writing = (async () => {
    for (let step = 1; isWriting; step++) {
      await setTimeout(1);
      await store.appendEvent(id, 1, step % 3 === 0 ? 'log' : 'steps', [[step, 1, 0, 0.1]]);
    }
  })();
  const seen: number[] = [];
  const isRead = async (client: SseClient, more: number) => {
    await vi.waitFor(() => expect(client.ids.length).toBeGreaterThan(more), { timeout: 10_000 });
    client.close();
    seen.push(...client.ids);
    return String(seen.at(-1));
  };
  let last = await isRead(await watch(first, id), 50);
  last = await isRead(await watch(second, id, last), 50);
  const cutOff = await watch(first, id, last);
  await vi.waitFor(() => expect(cutOff.ids.length).toBeGreaterThan(20));
  await apis.shift()?.close();
  await cutOff.ended;
  seen.push(...cutOff.ids);
  const again = await watch(await startOne(), id, String(seen.at(-1)));
  await vi.waitFor(() => expect(again.ids.length).toBeGreaterThan(20));
  isWriting = false;
  await writing;
  await finish(id);
  await again.ended;
  seen.push(...again.ids);
  expect(seen).toEqual(count(seen.length));
  expect(seen.length).toBeGreaterThan(140);
  expect((await store.readEvents(id, { after: 0, limit: 1 }))?.newest).toBe(seen.length);
});

it('answers 204 to a client that has the end already, 404 without a job, 400 for an id of another kind', async () => {
  const api = await startOne();
  const id = await startJob();
  await finish(id);
  expect((await watch(api, id, '5')).status).toBe(204);
  expect((await watch(api, id, '4')).status).toBe(200);
  expect((await watch(api, 'missing')).status).toBe(404);
  expect((await watch(api, id, 'x')).status).toBe(400);
});

it('shows signs of life, and does not hold up the end of the process', async () => {
  const api = await startOne();
  const id = await startJob();
  const client = await watch(api, id);
  await vi.waitFor(() => expect(client.comments.length).toBeGreaterThan(1));
  const asked = performance.now();
  await apis.shift()?.close();
  await client.ended;
  expect(performance.now() - asked).toBeLessThan(2000);
  expect(client.ids).toEqual([1, 2, 3]);
});

it('evicts the oldest detail only, and says how much', async () => {
  const api = await startOne();
  const id = await startJob();
  await store.appendEvent(id, 1, 'epoch', { epoch: 1 });
  await store.appendEvent(id, 1, 'steps', [[1, 2, 0, 0.1]]);
  const lines = 6000;
  await Promise.all(
    count(lines).map((n) => store.appendEvent(id, 1, 'log', { level: 'info', message: `line ${n}` })),
  );
  await finish(id);
  const client = await watch(api, id);
  await client.ended;
  expect(await redis.xlen(`arcqueue:job:${id}:events:logs`)).toBeLessThan(5200);
  const types = client.events.map(({ event }) => event);
  expect(types.slice(0, 6)).toEqual(['transition', 'transition', 'transition', 'epoch', 'steps', 'evicted']);
  const evicted = JSON.parse(client.events[5]?.data ?? '').count as number;
  expect(client.ids.length + evicted).toBe(3 + 2 + lines + 2);
  expect(client.ids.slice(5)).toEqual(count(lines + 7).slice(5 + evicted));
});

it('keeps nothing for a reader that does not read, and gives it everything once it does', async () => {
  const api = await startOne();
  const id = await startJob();
  const client = await watch(api, id);
  client.pause();
  await redis.config('RESETSTAT');
  const message = 'x'.repeat(4000);
  const written = 4000;
  for (let n = 0; n < written; n += 100) {
    await Promise.all(count(100).map(() => store.appendEvent(id, 1, 'log', { level: 'info', message })));
  }
  await setTimeout(300);
  // 16 MB were written. What the API has read of it is what socket buffers of both sides take, a page, and no more.
  const stats = await redis.info('commandstats');
  const reads = Number(/cmdstat_xrange:calls=(\d+)/.exec(stats)?.[1]);
  expect(reads / 4).toBeLessThan(written / 100);
  const output = Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  expect(output).toBeLessThan(0.7 * written * message.length);
  await finish(id);
  client.resume();
  await client.ended;
  expect(client.ids).toEqual(count(3 + written + 2));
});

it('outlives a Redis that is away for a while', async () => {
  const own = await startRedis();
  const ownRedis = new Redis(own.url);
  const ownStore = new JobStore(ownRedis);
  const { id } = await ownStore.create('train', trainRequest);
  const api = await startApi({
    ...{ datasetRoot: dir, artifactsDir: dir, host: '127.0.0.1', port: 0, redisUrl: own.url },
    logger: pino({ enabled: false }),
    heartbeatMs: HEARTBEAT_MS,
  });
  apis.push(api);
  const client = await watch(api, id);
  await vi.waitFor(() => expect(client.ids).toEqual([1]));
  await ownRedis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await ownRedis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await ownStore.transition(id, 'starting', 'Test.', { attempt: 1 });
  await vi.waitFor(() => expect(client.ids).toEqual([1, 2]), { timeout: 5000 });
  await ownStore.transition(id, 'failed', 'Test.', { attempt: 1 });
  await client.ended;
  expect(client.ids).toEqual([1, 2, 3]);
  ownRedis.disconnect();
  await own.stop();
});

it('gives the log as lines, whole or as it comes', async () => {
  const api = await startOne();
  const id = await startJob();
  const say = (message: string, type: 'log' | 'warning' = 'log') =>
    store.appendEvent(id, 1, type, { level: type === 'log' ? 'info' : 'warn', message });
  await say('first');
  await say('second', 'warning');
  const lines = (text: string) =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const now = await fetch(`${api.url}/jobs/${id}/logs`);
  expect(now.headers.get('content-type')).toBe('application/x-ndjson');
  expect(lines(await now.text())).toMatchObject([
    { seq: 4, attempt: 1, level: 'info', message: 'first' },
    { seq: 5, attempt: 1, level: 'warn', message: 'second' },
  ]);
  const followed = fetch(`${api.url}/jobs/${id}/logs?follow=true&after=4`).then((answer) => answer.text());
  await setTimeout(3 * HEARTBEAT_MS);
  await say('third');
  await finish(id);
  expect(lines(await followed).map(({ message }) => message)).toEqual(['second', 'third']);
});
