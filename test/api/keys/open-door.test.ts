import pino from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type AppOptions, buildApp } from '../../../src/api/app.js';
import { startApi } from '../../../src/api/start-api.js';
import { ApiKeyStore } from '../../../src/jobs/api-key-store.js';
import { type ApiFixture, startApiFixture } from '../api-fixture.js';

let fixture: ApiFixture;
beforeAll(async () => {
  fixture = await startApiFixture();
});
afterAll(() => fixture.stop());
const logger = pino({ enabled: false });

async function statusOf(options: Partial<AppOptions>, url = '/jobs', host = 'localhost:8080') {
  const { store, queue, redis, datasetRoot, artifactsDir } = fixture;
  const app = await buildApp({ store, queue, redis, datasetRoot, artifactsDir, logger, ...options });
  const { statusCode } = await app.inject({ url, headers: { host } });
  await app.close();
  return statusCode;
}

const listen = (host: string, auth: 'auto' | 'required' | 'off' = 'auto') =>
  startApi({
    host,
    auth,
    port: 0,
    redisUrl: fixture.server.url,
    datasetRoot: fixture.datasetRoot,
    artifactsDir: fixture.artifactsDir,
    logger,
  });

it('is open on loopback while no key was made, to this machine’s own names', async () => {
  expect(await statusOf({})).toBe(200);
  for (const host of ['127.0.0.1:80', '[::1]:80', 'LOCALHOST']) {
    expect(await statusOf({}, '/jobs', host)).toBe(200);
  }
  expect(await statusOf({}, '/jobs', 'attacker.example')).toBe(421);
  expect(await statusOf({}, '/jobs', '127.0.0.1.attacker.example')).toBe(421);
});

it('is shut elsewhere and where keys are required, even without any', async () => {
  expect(await statusOf({ host: '0.0.0.0' })).toBe(401);
  expect(await statusOf({ host: '0.0.0.0', auth: 'off' })).toBe(401);
  expect(await statusOf({ auth: 'required' })).toBe(401);
});

it('opens docs and metrics by a setting', async () => {
  expect(await statusOf({ auth: 'required', openWithoutKey: ['docs'] }, '/docs/json')).toBe(200);
  expect(await statusOf({ auth: 'required', openWithoutKey: ['docs'] }, '/metrics')).toBe(401);
  expect(await statusOf({ auth: 'required', openWithoutKey: ['metrics'] }, '/metrics')).toBe(200);
});

it('does not listen beyond loopback without a key', async () => {
  await expect(listen('0.0.0.0')).rejects.toThrow(
    /^Expected an API key before listening on 0.0.0.0; found none/,
  );
  await expect(listen('0.0.0.0', 'off')).rejects.toThrow('Expected AUTH=off only with a HOST on loopback');
});

it('shuts with the first key, and stays shut when that is revoked', async () => {
  const { store, queue, redis, datasetRoot, artifactsDir } = fixture;
  const app = await buildApp({ store, queue, redis, datasetRoot, artifactsDir, logger });
  expect((await app.inject('/jobs')).statusCode).toBe(200);
  const keys = new ApiKeyStore(redis);
  const { key } = await keys.create('ann', ['admin']);
  await vi.waitFor(async () => expect((await app.inject('/jobs')).statusCode).toBe(401), 3000);
  expect(await keys.revoke(key.id)).toBe(true);
  expect((await app.inject('/jobs')).statusCode).toBe(401);
  await app.close();
  expect(await statusOf({})).toBe(401);
  expect(await statusOf({ auth: 'off' })).toBe(200);
  await (await listen('0.0.0.0')).close();
});
