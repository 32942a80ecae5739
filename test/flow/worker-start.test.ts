import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi } from '../../src/api/start-api.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { trainRequest } from '../jobs/job-requests.js';
import { startRedis } from './redis-server.js';
import { Service } from './service.js';

let service: Service;
let redis: Redis;
beforeAll(async () => {
  service = await Service.start();
  redis = new Redis(service.redisUrl);
});
afterAll(async () => {
  redis.disconnect();
  await service.stop();
});

it('sweeps what killed workers staged, not what an attempt of a live job or another service may use', async () => {
  const store = new JobStore(redis, 'sweep');
  const [over, live] = [await store.create('train', trainRequest), await store.create('train', trainRequest)];
  await store.transition(over.id, 'cancelled', 'Test.');
  await store.transition(live.id, 'starting', 'Test.', { attempt: 2 });
  const staging = join(service.dataDir, 'artifacts/.staging');
  const names = [`${over.id}-1`, `${live.id}-1`, `${live.id}-2`, '0199-of-another-service-1'];
  for (const name of names) await mkdir(join(staging, name), { recursive: true });

  const worker = service.startWorker({ QUEUE_PREFIX: 'sweep' });
  const { removed } = await worker.line('removed what killed workers had staged');
  expect([...(removed as string[])].sort()).toEqual([`${over.id}-1`, `${live.id}-1`].sort());
  expect((await readdir(staging)).sort()).toEqual([`${live.id}-2`, '0199-of-another-service-1'].sort());
  await worker.end('SIGKILL');
});

it('takes jobs of its own QUEUE_PREFIX only', async () => {
  await mkdir(join(service.datasetRoot, 'empty'));
  const api = await startApi({
    redisUrl: service.redisUrl,
    queuePrefix: 'second',
    datasetRoot: service.datasetRoot,
    artifactsDir: join(service.dataDir, 'artifacts'),
    host: '127.0.0.1',
    port: 0,
    logger: pino({ enabled: false }),
  });
  const body = JSON.stringify({ dataset: 'empty' });
  const headers = { 'content-type': 'application/json' };
  const sent = await fetch(`${api.url}/jobs/train`, { method: 'POST', headers, body });
  const { id } = (await sent.json()) as { id: string };
  const first = await service.submit('train', { dataset: 'empty' });

  const worker = service.startWorker({ QUEUE_PREFIX: 'second' });
  await worker.line('done with the job', { jobId: id });
  expect(await (await fetch(`${api.url}/jobs/${id}`)).json()).toMatchObject({ state: 'failed' });
  expect(await service.job(first)).toMatchObject({ state: 'queued', attempt: 0 });
  expect((await service.fetch(`/jobs/${id}`)).status).toBe(404);
  await api.close();
});

it('ends with its parent even while it still waits for Redis', async () => {
  const away = await startRedis();
  await away.stop();
  const entry = resolve(import.meta.dirname, '../../dist/worker/main.js');
  const worker = fork(entry, [], {
    env: { ...process.env, REDIS_URL: away.url, DATA_DIR: service.dataDir },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (worker.stdout === null) throw new Error('expected a pipe; found none');
  // Its first refused connection: it is up, and waits.
  await once(worker.stdout, 'data');
  const ended = once(worker, 'exit', { signal: AbortSignal.timeout(5000) });
  worker.disconnect();
  await ended.finally(() => worker.kill('SIGKILL'));
});
