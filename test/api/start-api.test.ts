import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startApi } from '../../src/api/start-api.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { trainRequest } from '../jobs/job-requests.js';

let server: TestRedis;
let redis: Redis;
let dir: string;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-start-api-'));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true });
});

const start = (redisUrl = server.url) =>
  startApi({
    redisUrl,
    datasetRoot: dir,
    artifactsDir: dir,
    host: '127.0.0.1',
    port: 0,
    logger: pino({ enabled: false }),
  });

it('listens, serves Swagger UI and its document, and lets go of the port', async () => {
  const api = await start();
  expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${api.url}/docs/`)).headers.get('content-type')).toContain('text/html');
  const document = (await (await fetch(`${api.url}/docs/json`)).json()) as { openapi: string };
  expect(document.openapi).toBe('3.1.0');
  await api.close();
  await expect(fetch(`${api.url}/healthz`)).rejects.toThrow();
});

it('enqueues, at its start, a record that an earlier process left without a queue entry', async () => {
  const job = await new JobStore(redis).create('train', trainRequest);
  // Reconciling passes over young records: age this one by a minute.
  await redis.hset(`arcqueue:job:${job.id}`, 'updatedAt', new Date(Date.now() - 60_000).toISOString());
  const api = await start();
  await vi.waitFor(
    async () => expect(await redis.zrange('arcqueue:bull:jobs:prioritized', '0', '-1')).toEqual([job.id]),
    5000,
  );
  await api.close();
});

it('starts without Redis, and says so', async () => {
  const away = await startRedis();
  await away.stop();
  const api = await start(away.url);
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${api.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${api.url}/jobs`)).status).toBe(503);
  await api.close();
});
