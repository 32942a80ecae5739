import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Api } from '../../../src/api/api-context.js';
import { type AppOptions, buildApp } from '../../../src/api/app.js';
import { ApiKeyStore } from '../../../src/jobs/api-key-store.js';
import { type ApiFixture, startApiFixture } from '../api-fixture.js';

let fixture: ApiFixture;
let keys: ApiKeyStore;
beforeAll(async () => {
  fixture = await startApiFixture();
  keys = new ApiKeyStore(fixture.redis);
});
afterAll(() => fixture.stop());

function build(options: Partial<AppOptions>): Promise<Api> {
  const { store, queue, redis, datasetRoot, artifactsDir } = fixture;
  const context = { store, queue, redis, datasetRoot, artifactsDir };
  return buildApp({ ...context, logger: pino({ enabled: false }), auth: 'required', ...options });
}

async function keyOf(owner: string) {
  const { text } = await keys.create(owner, ['read', 'submit']);
  return { authorization: `Bearer ${text}` };
}

const training = { method: 'POST', url: '/jobs/train', payload: { dataset: 'demo/train' } } as const;

it('counts the requests of a key over all API processes, and says what is left', async () => {
  const rateLimits = { perKey: 3, perAddress: 0 };
  const apps = [await build({ rateLimits }), await build({ rateLimits })] as const;
  const headers = await keyOf('ann');
  const left = [];
  for (const app of [apps[0], apps[1], apps[0]]) {
    const answer = await app.inject({ url: '/jobs', headers });
    expect([answer.statusCode, answer.headers['ratelimit-limit']]).toEqual([200, '3']);
    left.push(answer.headers['ratelimit-remaining']);
  }
  expect(left).toEqual(['2', '1', '0']);
  const refused = await apps[1].inject({ url: '/jobs', headers });
  expect(refused.statusCode).toBe(429);
  expect(refused.json().type).toBe('urn:arcqueue:problem:too-many-requests');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
  expect((await apps[1].inject({ url: '/jobs', headers: await keyOf('bob') })).statusCode).toBe(200);
  expect((await apps[1].inject('/healthz')).statusCode).toBe(200);
  for (const app of apps) await app.close();
});

it('counts an address that tries keys, whatever it tries', async () => {
  const app = await build({ rateLimits: { perKey: 0, perAddress: 2 } });
  const attempt = async (text: string) =>
    (await app.inject({ url: '/jobs', headers: { authorization: `Bearer ${text}` } })).statusCode;
  expect([await attempt('a'), await attempt('b'), await attempt('c')]).toEqual([401, 401, 429]);
  expect((await app.inject({ url: '/jobs', headers: await keyOf('ann') })).statusCode).toBe(200);
  await app.close();
});

it('bounds the queued jobs of one owner, a following evaluation included', async () => {
  const app = await build({ maxQueuedJobs: 2 });
  const [ann, bob] = [await keyOf('quota-ann'), await keyOf('quota-bob')];
  const both = { ...training.payload, evaluate: { dataset: 'demo/test' } };
  const first = await app.inject({ ...training, headers: ann });
  expect(first.statusCode).toBe(202);
  const refused = await app.inject({ ...training, headers: ann, payload: both });
  expect([refused.statusCode, refused.json().type]).toEqual([
    429,
    'urn:arcqueue:problem:too-many-queued-jobs',
  ]);
  expect(refused.headers['retry-after']).toBe('30');
  expect((await app.inject({ ...training, headers: ann })).statusCode).toBe(202);
  expect((await app.inject({ ...training, headers: ann })).statusCode).toBe(429);
  expect((await app.inject({ ...training, headers: bob, payload: both })).statusCode).toBe(202);
  await app.inject({ method: 'POST', url: `/jobs/${first.json().id}/cancel`, headers: ann });
  expect((await app.inject({ ...training, headers: ann })).statusCode).toBe(202);
  await app.close();
});

it('starts a queued job only while its owner has fewer running, and says what it waits for', async () => {
  const { store } = fixture;
  const app = await build({ maxRunningJobs: 1 });
  const [ann, bob] = [await keyOf('run-ann'), await keyOf('run-bob')];
  const submit = async (headers: typeof ann) => (await app.inject({ ...training, headers })).json().id;
  const [first, second, other] = [await submit(ann), await submit(ann), await submit(bob)];
  const start = (id: string, attempt = 1) =>
    store.transition(id, 'starting', 'A test.', { attempt, maxRunningJobs: 1 });
  expect((await start(first)).moved).toBe(true);
  expect(await start(second)).toEqual({ moved: false, reason: 'owner_busy', state: 'queued' });
  expect((await start(other)).moved).toBe(true);
  const view = (await app.inject({ url: `/jobs/${second}`, headers: ann })).json();
  expect(view.waitingFor.code).toBe('owner_limit');
  // A job that its worker lost is taken over: it counts already.
  expect((await start(first, 2)).moved).toBe(true);
  await store.transition(first, 'cancelling', 'A test.');
  expect((await start(second)).moved).toBe(false);
  await store.transition(first, 'cancelled', 'A test.');
  expect((await start(second)).moved).toBe(true);
  await app.close();
});

it('bounds the body and the free disk', async () => {
  const headers = await keyOf('ann');
  const small = await build({ maxBodyBytes: 1024 });
  const long = { dataset: 'x'.repeat(2000) };
  const refused = await small.inject({ ...training, headers, payload: long });
  expect([refused.statusCode, refused.json().detail]).toEqual([
    413,
    'Expected a body of at most 1024 bytes.',
  ]);
  await small.close();
  const full = await build({ minFreeDiskBytes: Number.MAX_SAFE_INTEGER });
  const answer = await full.inject({ ...training, headers });
  expect([answer.statusCode, answer.json().type]).toEqual([507, 'urn:arcqueue:problem:disk-full']);
  expect(answer.body).not.toContain(fixture.artifactsDir);
  await full.close();
});

it('bounds the open streams', async () => {
  const app = await build({ maxOpenStreams: 1 });
  const headers = await keyOf('ann');
  const { id } = (await app.inject({ ...training, headers })).json();
  const url = new URL(`/jobs/${id}/events`, await app.listen({ host: '127.0.0.1', port: 0 }));
  const open = httpRequest(url, { headers }).end();
  const [response] = await once(open, 'response');
  expect(response.statusCode).toBe(200);
  const second = await fetch(url, { headers });
  expect([second.status, second.headers.get('retry-after')]).toEqual([503, '2']);
  open.destroy();
  await app.close();
});
