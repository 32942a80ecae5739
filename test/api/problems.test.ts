import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
afterAll(() => api.stop());

async function postRaw(payload: string, type?: string) {
  const headers = type === undefined ? {} : { 'content-type': type };
  const response = await api.app.inject({ method: 'POST', url: '/jobs/train', payload, headers });
  expect(response.headers['content-type']).toBe('application/problem+json');
  expect(response.json().status).toBe(response.statusCode);
  return response.json();
}

describe('problem documents', () => {
  it('answer an unknown path', async () => {
    const response = await api.app.inject('/nothing-here?x=1');
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.json()).toEqual({
      type: 'urn:arcqueue:problem:no-such-route',
      title: 'Not Found',
      status: 404,
      detail: 'Expected a path and method of this API (see /docs), found GET /nothing-here.',
    });
  });

  it('answer an unknown job', async () => {
    for (const path of ['', '/metrics', '/artifacts']) {
      const response = await api.app.inject(`/jobs/unknown${path}`);
      expect(response.json()).toMatchObject({ type: 'urn:arcqueue:problem:no-such-job', status: 404 });
    }
  });

  it('answer a job id that cannot be one', async () => {
    const response = await api.app.inject('/jobs/..%2f..');
    expect(response.json()).toMatchObject({ status: 400, errors: [{ field: 'id' }] });
  });

  it('answer malformed, empty and non-object JSON', async () => {
    expect(await postRaw('{"dataset": ', 'application/json')).toMatchObject({ status: 400 });
    expect(await postRaw('', 'application/json')).toMatchObject({ status: 400 });
    expect(await postRaw('[1]', 'application/json')).toMatchObject({
      errors: [{ field: '', expected: 'an object', found: 'an array' }],
    });
  });

  it('answer another content type, or none', async () => {
    expect(await postRaw('dataset=x', 'text/plain')).toMatchObject({ status: 415 });
    expect(await postRaw('<x/>', 'application/xml')).toMatchObject({ status: 415 });
  });

  it('answer a body above 64 KiB', async () => {
    const problem = await postRaw(JSON.stringify({ dataset: 'x'.repeat(70_000) }), 'application/json');
    expect(problem).toMatchObject({ status: 413, detail: 'Expected a body of at most 65536 bytes.' });
  });

  it('cut a long value short', async () => {
    const problem = await postRaw(JSON.stringify({ dataset: 'x'.repeat(2000) }), 'application/json');
    expect(problem.errors[0].found.length).toBeLessThan(100);
  });

  it('answer a wrong query', async () => {
    const response = await api.app.inject('/jobs?limit=0&state=done&sort=asc&after=x');
    const fields = response.json().errors.map(({ field }: { field: string }) => field);
    expect(response.statusCode).toBe(400);
    expect(fields.sort()).toEqual(['after', 'limit', 'sort', 'state']);
  });
});

describe('without Redis', () => {
  it('requests get 503 with Retry-After, and readiness ends while liveness stays', async () => {
    expect((await api.app.inject('/readyz')).json()).toEqual({ status: 'ready' });
    await api.server.stop();
    const requests = [
      { method: 'GET', url: '/jobs' },
      { method: 'GET', url: '/jobs/some' },
      { method: 'POST', url: '/jobs/train', payload: { dataset: 'demo/train' } },
      { method: 'POST', url: '/jobs/some/cancel' },
      { method: 'GET', url: '/readyz' },
    ] as const;
    for (const request of requests) {
      const response = await api.app.inject({ ...request });
      expect([request.url, response.statusCode]).toEqual([request.url, 503]);
      expect(response.headers['retry-after']).toBe('5');
      expect(response.json().type).toBe('urn:arcqueue:problem:redis-unavailable');
    }
    expect((await api.app.inject('/healthz')).statusCode).toBe(200);
  });
});
