import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEmbeddedRedis } from '../../src/embedded-redis.js';
import { isRunning, ServiceProcess, until } from './service.js';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'arcqueue-embedded-'));
});
afterAll(() => rm(dataDir, { recursive: true, maxRetries: 5 }));

async function startService() {
  const service = new ServiceProcess('main.js', { DATA_DIR: dataDir, PORT: '0', REDIS_URL: '' });
  const { url } = await service.line('the service is up');
  await service.line('the worker waits for jobs');
  const [redis = 0] = (await readFile(join(dataDir, 'redis/arcqueue-redis.pid'), 'utf8'))
    .split(' ')
    .map(Number);
  return { service, url: String(url), redis };
}

async function jobsAt(url: string): Promise<string[]> {
  const { jobs } = (await (await fetch(`${url}/jobs`)).json()) as { jobs: { id: string }[] };
  return jobs.map(({ id }) => id);
}

it('ends with a service killed with -9, and starts again on the same data with its jobs', async () => {
  const first = await startService();
  await mkdir(join(dataDir, 'datasets/colours'));
  const response = await fetch(`${first.url}/jobs/train`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ dataset: 'colours' }),
  });
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as { id: string };
  await expect(startEmbeddedRedis(join(dataDir, 'redis'))).rejects.toThrow('no other service uses');
  // The append-only file is synced once a second.
  await setTimeout(1500);
  await first.service.end('SIGKILL');
  await until('Redis to end', 5000, async () => !(await isRunning(first.redis)));

  const second = await startService();
  expect(await jobsAt(second.url)).toContain(id);
  await second.service.end('SIGTERM');
  expect(await isRunning(second.redis)).toBe(false);
});
