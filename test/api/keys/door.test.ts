import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Api } from '../../../src/api/api-context.js';
import { buildApp } from '../../../src/api/app.js';
import { openStaging, publishArtifacts } from '../../../src/artifacts/publish.js';
import { ApiKeyStore } from '../../../src/jobs/api-key-store.js';
import { type ApiFixture, startApiFixture } from '../api-fixture.js';

let fixture: ApiFixture;
let app: Api;
let keys: ApiKeyStore;
const texts: Record<string, string> = {};
beforeAll(async () => {
  fixture = await startApiFixture();
  const { store, queue, redis, datasetRoot, artifactsDir } = fixture;
  const context = { store, queue, redis, datasetRoot, artifactsDir };
  app = await buildApp({ ...context, logger: pino({ enabled: false }), auth: 'required', bullBoard: 'on' });
  keys = new ApiKeyStore(redis);
  for (const [owner, scopes] of Object.entries({
    ann: ['read', 'submit'],
    bob: ['read', 'submit'],
    eve: ['read'],
    mia: ['submit'],
    root: ['admin'],
  } as const)) {
    texts[owner] = (await keys.create(owner, scopes)).text;
  }
});
afterAll(async () => {
  await app.close();
  await fixture.stop();
});

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
function ask(owner: string | null, method: Method, url: string, payload?: object) {
  const headers = owner === null ? {} : { authorization: `Bearer ${texts[owner] ?? owner}` };
  return app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
}

async function train(owner: string, options: object = {}): Promise<string> {
  const response = await ask(owner, 'POST', '/jobs/train', { dataset: 'demo/train', options });
  expect(response.statusCode).toBe(202);
  return response.json().id;
}

async function publish(jobId: string, owner: string): Promise<void> {
  const { artifactsDir } = fixture;
  const dir = await openStaging(artifactsDir, { jobId, attempt: 1 });
  await writeFile(join(dir, 'head.json'), '{}');
  const facts = { kind: 'train', result: {}, provenance: {} } as const;
  await publishArtifacts(artifactsDir, { jobId, attempt: 1, owner, ...facts });
}

async function succeed(id: string): Promise<void> {
  for (const state of ['starting', 'running', 'finalizing', 'succeeded'] as const) {
    expect((await fixture.store.transition(id, state, 'A test.', { attempt: 1 })).moved).toBe(true);
  }
}

describe('without a key', () => {
  it('answers 401 with what to send, on every route of the document but health', async () => {
    const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, object>> };
    const answers: Record<string, number> = {};
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) {
        const url = path.replace(/\{.*?\}/g, '0123456789abcdef');
        const answer = await ask(null, method.toUpperCase() as Method, url);
        answers[`${method} ${path}`] = answer.statusCode;
        if (answer.statusCode !== 401) continue;
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="arcqueue"');
        expect(answer.headers['content-type']).toContain('application/problem+json');
      }
    }
    const opened = Object.keys(answers).filter((name) => answers[name] !== 401);
    expect(Object.keys(answers).length).toBeGreaterThan(15);
    expect(opened.sort()).toEqual(['get /healthz', 'get /readyz']);
  });

  it.each(['/docs/', '/docs/json', '/admin/queues', '/no-such-path'])('shuts %s too', async (url) => {
    expect((await ask(null, 'GET', url)).statusCode).toBe(401);
  });

  it.each(['arcq_0123456789abcdef_aaaa', 'x', 'Ümläut'])('refuses the text %j as unknown', async (text) => {
    const answer = await ask(encodeURIComponent(text), 'GET', '/jobs');
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it("takes a right id with another key's secret for unknown", async () => {
    const [, id] = (texts.ann ?? '').split('_');
    const secret = (texts.bob ?? '').slice((texts.bob ?? '').indexOf('_', 5) + 1);
    expect((await ask(`arcq_${id}_${secret}`, 'GET', '/jobs')).statusCode).toBe(401);
  });
});

describe('scopes', () => {
  it.each([
    ['eve', 'POST', '/jobs/train', 'submit'],
    ['eve', 'POST', '/jobs/x/cancel', 'submit'],
    ['eve', 'DELETE', '/jobs/x', 'submit'],
    ['mia', 'GET', '/jobs', 'read'],
    ['ann', 'GET', '/keys', 'admin'],
    ['ann', 'POST', '/keys', 'admin'],
    ['ann', 'GET', '/workers', 'admin'],
    ['ann', 'GET', '/admin/queues', 'admin'],
  ] as const)('%s may not %s %s', async (owner, method, url, scope) => {
    const answer = await ask(owner, method, url);
    expect(answer.statusCode).toBe(403);
    expect(answer.body).toContain(JSON.stringify(`"${scope}"`).slice(1, -1));
    expect(answer.headers['www-authenticate']).toContain(`scope="${scope}"`);
  });

  it('are all in admin', async () => {
    for (const url of ['/jobs', '/workers', '/keys', '/metrics', '/docs/json']) {
      expect([url, (await ask('root', 'GET', url)).statusCode]).toEqual([url, 200]);
    }
  });
});

describe('another owner', () => {
  it('sees nothing of a job, as if there were none', async () => {
    const id = await train('ann');
    const nowhere = '01a20d41-0de0-7106-8bc7-23992612459d';
    const requests: [Method, string, object?][] = [
      ['GET', '/jobs/ID'],
      ['GET', '/jobs/ID/metrics'],
      ['GET', '/jobs/ID/events'],
      ['GET', '/jobs/ID/logs'],
      ['GET', '/jobs/ID/logs?follow=true'],
      ['GET', '/jobs/ID/artifacts'],
      ['GET', '/jobs/ID/artifacts/head.json'],
      ['GET', '/jobs/ID/artifacts/manifest.json'],
      ['POST', '/jobs/ID/cancel'],
      ['POST', '/jobs/ID/retry'],
      ['POST', '/jobs/ID/clone', {}],
      ['DELETE', '/jobs/ID'],
      ['GET', '/models/ID'],
      ['PATCH', '/models/ID', { notes: 'mine' }],
      ['POST', '/models/ID/check'],
      ['PUT', '/models/aliases/best', { model: id }],
      ['DELETE', '/models/ID'],
    ];
    await publish(id, 'ann');
    for (const [method, url, body] of requests) {
      const foreign = await ask('bob', method, url.replace('ID', id), body);
      const missing = await ask('bob', method, url.replace('ID', nowhere), body);
      expect([url, foreign.statusCode, foreign.body.replaceAll(id, nowhere)]).toEqual([
        url,
        404,
        missing.body.replaceAll(id, nowhere),
      ]);
    }
    expect((await ask('bob', 'GET', '/models')).body).not.toContain(id);
    expect((await ask('ann', 'GET', '/models')).body).toContain(id);
    expect((await ask('ann', 'GET', `/jobs/${id}`)).json()).toMatchObject({ owner: 'ann', state: 'queued' });
    expect((await ask('ann', 'GET', `/jobs/${id}/artifacts/head.json`)).statusCode).toBe(200);
    expect((await ask('root', 'GET', `/jobs/${id}/artifacts/head.json`)).statusCode).toBe(200);
  });

  it('is left out of lists, also by kind and state; admin sees all', async () => {
    const [own, others] = [await train('bob'), await train('ann')];
    const listed = async (owner: string, query = '') =>
      (await ask(owner, 'GET', `/jobs?limit=100${query}`)).json().jobs.map(({ id }: { id: string }) => id);
    for (const query of ['', '&kind=train', '&state=queued', '&kind=train&state=queued']) {
      expect(await listed('bob', query)).toContain(own);
      expect(await listed('bob', query)).not.toContain(others);
      expect(await listed('root', query)).toEqual(expect.arrayContaining([own, others]));
    }
    await ask('bob', 'POST', `/jobs/${own}/cancel`);
    expect(await listed('bob', '&state=queued')).not.toContain(own);
    expect(await listed('bob', '&state=cancelled')).toContain(own);
    expect((await ask('bob', 'DELETE', `/jobs/${own}`)).statusCode).toBe(204);
    expect(await listed('bob')).not.toContain(own);
  });

  it("cannot use a model, and 'latest' is one's own", async () => {
    const [older, newer] = [await train('ann'), await train('bob')];
    for (const [id, owner] of [
      [older, 'ann'],
      [newer, 'bob'],
    ] as const) {
      await publish(id, owner);
      await succeed(id);
    }
    const evaluate = (owner: string, model: string) =>
      ask(owner, 'POST', '/jobs/evaluate', { model, dataset: 'demo/test' });
    expect((await evaluate('ann', 'latest')).json().request.model).toBe(older);
    expect((await evaluate('bob', 'latest')).json().request.model).toBe(newer);
    expect((await evaluate('ann', newer)).json().errors[0].found).toBe(`"${newer}", which no job has`);
    const warm = await ask('ann', 'POST', '/jobs/train', { dataset: 'demo/train', initFrom: newer });
    expect(warm.json().errors[0].found).toBe(`"${newer}", which no job has`);
    // The artifacts outlive the record, and so does whose they are.
    await fixture.store.delete(newer);
    expect((await evaluate('ann', newer)).statusCode).toBe(400);
    expect((await ask('ann', 'GET', `/jobs/${newer}/artifacts`)).statusCode).toBe(404);
    expect((await ask('bob', 'GET', `/jobs/${newer}/artifacts`)).statusCode).toBe(200);
  });

  it('has aliases of its own', async () => {
    const models = { ann: await train('ann'), bob: await train('bob') };
    for (const [owner, model] of Object.entries(models)) {
      await publish(model, owner);
      await succeed(model);
      expect((await ask(owner, 'PUT', '/models/aliases/champion', { model })).statusCode).toBe(200);
    }
    for (const [owner, model] of Object.entries(models)) {
      expect((await ask(owner, 'GET', '/models/aliases')).body).toContain(model);
      expect((await ask(owner, 'GET', '/models/champion')).json().id).toBe(model);
      const evaluation = { model: 'champion', dataset: 'demo/test' };
      expect((await ask(owner, 'POST', '/jobs/evaluate', evaluation)).json().request.model).toBe(model);
    }
  });

  it('shares neither idempotency nor deduplication keys', async () => {
    const send = (owner: string) =>
      app.inject({
        method: 'POST',
        url: '/jobs/train',
        headers: { authorization: `Bearer ${texts[owner]}`, 'idempotency-key': 'nightly' },
        payload: { dataset: 'demo/train' },
      });
    const [first, second, again] = [await send('ann'), await send('bob'), await send('ann')];
    expect(second.json().owner).toBe('bob');
    expect(again.json().id).toBe(first.json().id);
    expect(await train('ann', { deduplicationKey: 'k' })).not.toBe(
      await train('bob', { deduplicationKey: 'k' }),
    );
  });
});

describe('keys', () => {
  it('are made, listed without a secret and revoked by admin', async () => {
    const made = await ask('root', 'POST', '/keys', { owner: 'zoe', scopes: ['read'] });
    expect(made.statusCode).toBe(201);
    const { id, key } = made.json();
    expect((await ask(key, 'GET', '/jobs')).statusCode).toBe(200);
    const list = await ask('root', 'GET', '/keys');
    expect(list.body).toContain(id);
    expect(list.body).not.toContain(key.slice(-43));
    expect((await ask('root', 'DELETE', `/keys/${id}`)).statusCode).toBe(204);
    expect((await ask(key, 'GET', '/jobs')).statusCode).toBe(401);
    expect((await ask('root', 'DELETE', '/keys/0000000000000000')).statusCode).toBe(404);
  });

  it('come by the browser’s own log-in window to the pages alone', async () => {
    const authorization = `Basic ${Buffer.from(`me:${texts.eve}`).toString('base64')}`;
    const open = (method: Method, url: string) => app.inject({ method, url, headers: { authorization } });
    const challenge = (await ask(null, 'GET', '/docs/')).headers['www-authenticate'];
    expect(challenge).toEqual(['Bearer realm="arcqueue"', 'Basic realm="arcqueue"']);
    expect((await open('GET', '/docs/')).statusCode).toBe(200);
    expect((await open('GET', '/jobs')).statusCode).toBe(401);
    expect((await open('POST', '/jobs/x/cancel')).statusCode).toBe(401);
  });
});
