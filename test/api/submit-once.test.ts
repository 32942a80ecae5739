import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/api/submit-once.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const TRAIN = { dataset: 'demo/train', epochs: 3 };
const post = (payload: object, key?: string, url = '/jobs/train') =>
  api.app.inject({
    method: 'POST',
    url,
    payload,
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
const jobCount = () => api.redis.zcard('arcqueue:index:*:*');

describe('Idempotency-Key', () => {
  it('answers the same request with the same job, however its fields are ordered', async () => {
    const first = await post(TRAIN, 'a key');
    expect(first.statusCode).toBe(202);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    await api.store.transition(first.json().id, 'cancelled', 'Test.');
    const again = await post({ epochs: 3, batchSize: 16, dataset: 'demo/train' }, 'a key');
    expect(again.statusCode).toBe(202);
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', location: first.headers.location });
    // The job as it is now.
    expect(again.json()).toMatchObject({ id: first.json().id, state: 'cancelled' });
    expect((await post(TRAIN, 'another')).json().id).not.toBe(first.json().id);
    expect(await jobCount()).toBe(2);
  });

  it('refuses another request, and one to another address', async () => {
    const { id } = (await post(TRAIN, 'k')).json();
    const other = await post({ ...TRAIN, epochs: 4 }, 'k');
    expect([other.statusCode, other.json().type]).toEqual([
      422,
      'urn:arcqueue:problem:idempotency-key-reused',
    ]);
    expect((await post({}, 'k', `/jobs/${id}/clone`)).statusCode).toBe(422);
    expect(await jobCount()).toBe(1);
  });

  it('makes one job of many requests at a time; the others are told to come back', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(TRAIN, 'k')));
    const [made, inFlight] = [202, 409].map((status) => answers.filter((a) => a.statusCode === status));
    expect((made?.length ?? 0) + (inFlight?.length ?? 0)).toBe(20);
    expect(inFlight?.length).toBeGreaterThan(0);
    for (const answer of inFlight ?? []) expect(answer.headers['retry-after']).toBe('1');
    expect(new Set(made?.map((answer) => answer.json().id)).size).toBe(1);
    expect(await jobCount()).toBe(1);
  });

  it('is free again after a refusal, and not used up by a process that died before the record', async () => {
    expect((await post({ dataset: 'missing' }, 'k')).statusCode).toBe(400);
    expect((await post(TRAIN, 'k')).statusCode).toBe(202);
    // What a process leaves that dies right after it has taken the key.
    const [name = ''] = (await api.redis.keys('arcqueue:idempotency:*')).filter(
      (key) => !key.endsWith('lock'),
    );
    const entry = JSON.parse((await api.redis.get(name)) ?? '{}');
    const reserved = '01990000-0000-7000-8000-000000000000';
    await api.redis.set(name, JSON.stringify({ ...entry, jobId: reserved, isDone: false }));
    expect((await post(TRAIN, 'k')).json().id).toBe(reserved);
    expect((await post(TRAIN, 'k')).json().id).toBe(reserved);
    expect(await jobCount()).toBe(2);
  });

  it('says so when its job has been deleted, and is kept for a day', async () => {
    const { id } = (await post(TRAIN, 'k')).json();
    const [name = ''] = await api.redis.keys('arcqueue:idempotency:*');
    expect(await api.redis.ttl(name)).toBeGreaterThan(86_000);
    await api.store.transition(id, 'cancelled', 'Test.');
    await api.store.delete(id);
    expect((await post(TRAIN, 'k')).json().type).toBe('urn:arcqueue:problem:idempotency-key-spent');
  });

  it('compares content, whatever the order of the fields', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
  });
});

describe('options', () => {
  it('are kept with the job, defaults filled in, and checked', async () => {
    const { options } = (await post({ ...TRAIN, options: { priority: 90 } })).json();
    expect(options).toEqual({ priority: 90, attempts: 3, backoffSeconds: 2, backoffJitter: 0.5 });
    const wrong = await post({ ...TRAIN, options: { priority: 101, startAfter: 'soon', prio: 1 } });
    const fields = wrong.json().errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['options.prio', 'options.priority', 'options.startAfter']);
  });

  it('hold a job back until its time', async () => {
    const startAfter = new Date(Date.now() + 60_000).toISOString();
    const { id } = (await post({ ...TRAIN, options: { startAfter } })).json();
    expect(await api.redis.zrange('arcqueue:bull:jobs:delayed', '0', '-1')).toEqual([id]);
  });

  it('answer with the job that has the same deduplication key, while that is not over', async () => {
    const payload = { ...TRAIN, options: { deduplicationKey: 'nightly' } };
    const first = (await post(payload)).json();
    const second = await post({ ...payload, epochs: 9 });
    expect([second.statusCode, second.json().id]).toEqual([200, first.id]);
    await api.store.transition(first.id, 'cancelled', 'Test.');
    const third = await post(payload);
    expect(third.statusCode).toBe(202);
    expect(third.json().id).not.toBe(first.id);
  });
});

describe('evaluate', () => {
  it('makes a second job that waits for the training and is not enqueued yet', async () => {
    const train = (await post({ ...TRAIN, evaluate: { dataset: 'demo/test', threshold: 0.5 } })).json();
    const [evaluationId] = train.dependants;
    const evaluation = (await api.app.inject({ url: `/jobs/${evaluationId}` })).json();
    expect(evaluation).toMatchObject({ kind: 'evaluate', state: 'queued', dependsOn: train.id });
    expect(evaluation.request).toMatchObject({ model: train.id, threshold: 0.5, batchSize: 5 });
    expect(await api.queue.has(evaluationId)).toBe(false);
    await api.app.inject({ method: 'POST', url: `/jobs/${train.id}/cancel` });
    expect((await api.store.get(evaluationId))?.error?.code).toBe('dependency_failed');
  });

  it('is refused by its fields, and makes neither job then', async () => {
    const missing = await post({ ...TRAIN, evaluate: { dataset: 'missing' } });
    expect(missing.json().errors[0].field).toBe('evaluate.dataset');
    const model = await post({ ...TRAIN, evaluate: { dataset: 'demo/test', model: 'latest' } });
    expect(model.json().errors[0].field).toBe('evaluate.model');
    expect(await jobCount()).toBe(0);
  });
});

describe('ETag', () => {
  it('answers 304 until the job changes', async () => {
    const { id } = (await post(TRAIN)).json();
    const ask = (tag?: string) =>
      api.app.inject({ url: `/jobs/${id}`, headers: tag === undefined ? {} : { 'if-none-match': tag } });
    const etag = String((await ask()).headers.etag);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const same = await ask(tag);
      expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, '', etag]);
    }
    expect((await ask('"other"')).statusCode).toBe(200);
    await api.store.transition(id, 'starting', 'Test.', { attempt: 1 });
    const changed = await ask(etag);
    expect(changed.statusCode).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
  });
});
