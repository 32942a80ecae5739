import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiKeyStore } from '../../src/jobs/api-key-store.js';
import { startRedis, type TestRedis } from './redis-server.js';
import { ServiceProcess } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

let server: TestRedis;
let redis: Redis;
let dataDir: string;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  dataDir = await mkdtemp(join(tmpdir(), 'arcqueue-secrets-'));
  await mkdir(join(dataDir, 'datasets'));
  await writeColours(join(dataDir, 'datasets/colours'));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dataDir, { recursive: true, maxRetries: 5 });
});

/** Every key and every value in Redis, as one text. */
async function dumpRedis(): Promise<string> {
  const parts: string[] = [];
  for (const key of await redis.keys('*')) {
    const read = {
      string: () => redis.get(key),
      hash: () => redis.hgetall(key),
      list: () => redis.lrange(key, 0, -1),
      set: () => redis.smembers(key),
      zset: () => redis.zrange(key, '0', '-1'),
      stream: () => redis.xrange(key, '-', '+'),
    }[await redis.type(key)];
    parts.push(key, JSON.stringify(await read?.()));
  }
  return parts.join('\n');
}

it('keeps no secret in Redis or in a log, and tells a client neither paths nor stacks', async () => {
  const password = `planted-${randomUUID()}`;
  await redis.acl('SETUSER', 'service', 'on', `>${password}`, '~*', '&*', '+@all');
  const keys = new ApiKeyStore(redis);
  const { text } = await keys.create('ann', ['admin']);
  const url = server.url.replace('redis://', `redis://service:${password}@`);
  const settings = { REDIS_URL: url, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'trace' };
  const service = new ServiceProcess('main.js', settings);
  const base = String((await service.line('the service is up')).url);
  const answers: string[] = [];
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${text}`, 'content-type': 'application/json', ...init.headers };
    const response = await fetch(base + path, { ...init, headers });
    const body = await response.text();
    answers.push(body);
    return body;
  };
  const train = JSON.stringify({ dataset: 'colours', ...QUICK, epochs: 1 });
  const made = await ask('/jobs/train', { method: 'POST', body: train });
  const { id } = JSON.parse(made) as { id: string };
  await service.line('the job has succeeded', { jobId: id });
  const wrong = `arcq_0123456789abcdef_${'s'.repeat(43)}`;
  await ask('/jobs', { headers: { authorization: `Bearer ${wrong}` } });
  for (const dataset of ['../x', '/etc/passwd', 'nothing', 'colours/red/../../..', 'x\u0000y']) {
    await ask('/jobs/train', { method: 'POST', body: JSON.stringify({ dataset }) });
  }
  await ask('/jobs/train', { method: 'POST', body: '{' });
  for (const path of [
    `/jobs/${id}/artifacts/..%2f..%2fx`,
    `/jobs/${id}/artifacts/%00`,
    '/%ff',
    '/jobs/%2e%2e',
  ]) {
    await ask(path);
  }
  await ask('/keys', { method: 'POST', body: JSON.stringify({ owner: 'bob', scopes: ['read'] }) });
  const second = (JSON.parse(answers.pop() ?? '') as { key: string }).key;
  await ask(`/jobs/${id}`);
  await ask(`/jobs/${id}/logs`);
  await service.end('SIGTERM');
  const kept = await dumpRedis();
  const logged = JSON.stringify(service.log);
  expect(kept).toContain(id);
  expect(logged).toContain(id);
  for (const secret of [password, text.slice(-43), second.slice(-43), wrong.slice(-43)]) {
    expect(kept).not.toContain(secret);
    expect(logged).not.toContain(secret);
    expect(answers.join('\n')).not.toContain(secret);
  }
  for (const answer of answers) {
    expect(answer).not.toContain(dataDir);
    expect(answer).not.toMatch(/node_modules|\.[jt]s:\d+|\bat \S+ \(/);
  }
});
