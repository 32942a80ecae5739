import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiFixture, startApiFixture } from '../api-fixture.js';
import { publishEvaluation, publishModel } from './published.js';

let api: ApiFixture;
let old: string;
let middle: string;
let young: string;
beforeAll(async () => {
  api = await startApiFixture();
  old = await publishModel(api.artifactsDir, 'mobilefacenet', { dataset: 'demo/train', loss: 'arcface' });
  middle = await publishModel(api.artifactsDir, 'iresnet18', { dataset: 'demo/train' });
  young = await publishModel(api.artifactsDir, 'mobilefacenet', { dataset: 'demo/train', initFrom: old });
});
afterAll(() => api.stop());

type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
const ask = async (method: Method, url: string, payload?: object) => {
  const response = await api.app.inject({ method, url, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, body: response.body === '' ? null : response.json() };
};
const idsOf = (body: { models: { id: string }[] }) => body.models.map(({ id }) => id);

describe('GET /models', () => {
  it('lists newest first, page by page, and by backbone and tag', async () => {
    const first = (await ask('GET', '/models?limit=2')).body;
    expect(idsOf(first)).toEqual([young, middle]);
    const rest = (await ask('GET', `/models?limit=2&after=${first.nextCursor}`)).body;
    expect([idsOf(rest), rest.nextCursor]).toEqual([[old], null]);
    expect(idsOf((await ask('GET', '/models?backbone=mobilefacenet')).body)).toEqual([young, old]);
    await ask('PATCH', `/models/${middle}`, { tags: ['door'] });
    expect(idsOf((await ask('GET', '/models?tag=door')).body)).toEqual([middle]);
    expect(idsOf((await ask('GET', '/models?tag=none')).body)).toEqual([]);
  });
});

describe('GET /models/:model', () => {
  it('says where the model comes from, its files, and every evaluation of it', async () => {
    const evaluation = await publishEvaluation(api.artifactsDir, young, {
      protocols: ['classification'],
      accuracy: 0.5,
    });
    await publishEvaluation(api.artifactsDir, middle, { protocols: ['classification'], accuracy: 0.1 });
    const { body } = await ask('GET', `/models/${young}`);
    expect(body).toMatchObject({
      id: young,
      backbone: 'mobilefacenet',
      classCount: 3,
      lineage: {
        job: `/jobs/${young}`,
        parent: old,
        dataset: 'demo/train',
        datasetHash: 'abc',
        versions: { tensorflow: '2.21.0' },
      },
      evaluations: [{ jobId: evaluation, datasetHash: 'd1', result: { accuracy: 0.5 } }],
    });
    expect(body.evaluations).toHaveLength(1);
    const [config] = body.files;
    expect((await ask('GET', config.url)).body).toMatchObject({ backbone: 'mobilefacenet' });
    expect((await ask('GET', '/models/latest')).body.id).toBe(young);
    expect((await ask('GET', '/models/nothing')).status).toBe(404);
  });
});

describe('PATCH /models/:model', () => {
  it('changes what is given and keeps the rest', async () => {
    await ask('PATCH', `/models/${old}`, { tags: ['a', 'b'], notes: 'first' });
    expect((await ask('PATCH', `/models/${old}`, { notes: 'second' })).body).toMatchObject({
      tags: ['a', 'b'],
      notes: 'second',
    });
    expect((await ask('PATCH', `/models/${old}`, {})).status).toBe(400);
    expect((await ask('PATCH', `/models/${old}`, { tag: ['a'] })).status).toBe(400);
  });
});

describe('aliases', () => {
  it('move from the model that is expected and from no other', async () => {
    const put = (payload: object) => ask('PUT', '/models/aliases/champion', payload);
    expect(await put({ model: old, expected: null })).toMatchObject({
      status: 200,
      body: { previous: null },
    });
    expect((await put({ model: middle, expected: null })).status).toBe(409);
    expect((await put({ model: middle, expected: young })).status).toBe(409);
    expect((await ask('GET', '/models/champion')).body).toMatchObject({ id: old, aliases: ['champion'] });
    expect(await put({ model: middle, expected: old })).toMatchObject({ body: { previous: old } });
    expect((await ask('GET', '/models/champion')).body.id).toBe(middle);
    expect((await put({ model: 'nothing' })).status).toBe(404);
    expect((await ask('GET', '/models/aliases')).body).toEqual({
      aliases: [{ alias: 'champion', model: middle }],
    });
  });

  it('of many that move from one model, one wins', async () => {
    await ask('PUT', '/models/aliases/race', { model: old });
    const moves = Array.from({ length: 8 }, () =>
      ask('PUT', '/models/aliases/race', { model: young, expected: old }),
    );
    const statuses = (await Promise.all(moves)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    await ask('DELETE', '/models/aliases/race');
    expect((await ask('DELETE', '/models/aliases/race')).status).toBe(404);
  });

  it('stand for the model in a job, which keeps its id', async () => {
    await ask('PUT', '/models/aliases/champion', { model: middle });
    const evaluation = await ask('POST', '/jobs/evaluate', { model: 'champion', dataset: 'demo/test' });
    expect(evaluation).toMatchObject({ status: 202, body: { request: { model: middle } } });
    await ask('POST', `/jobs/${evaluation.body.id}/cancel`);
    const training = await ask('POST', '/jobs/train', { dataset: 'demo/train', initFrom: 'champion' });
    expect(training.body.request.initFrom).toBe(middle);
  });

  it.each(['latest', 'Upper', '0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee', '-x'])(
    'are not called %s',
    async (name) => {
      expect((await ask('PUT', `/models/aliases/${name}`, { model: old })).status).toBe(400);
    },
  );
});

describe('DELETE /models/:model', () => {
  it('refuses while an alias points there, also by way of the job', async () => {
    const doomed = await publishModel(api.artifactsDir, 'mbf');
    await ask('PUT', '/models/aliases/doomed', { model: doomed });
    for (const url of [`/models/${doomed}`, `/jobs/${doomed}`]) {
      const { status, body } = await ask('DELETE', url);
      expect([status, body.detail]).toEqual([409, expect.stringContaining('"doomed"')]);
    }
    await ask('DELETE', '/models/aliases/doomed');
    await ask('PATCH', `/models/${doomed}`, { notes: 'gone soon' });
    expect((await ask('DELETE', `/models/${doomed}`)).status).toBe(204);
    expect((await ask('GET', `/models/${doomed}`)).status).toBe(404);
    expect((await ask('PUT', '/models/aliases/doomed', { model: doomed })).status).toBe(404);
    expect(await api.redis.exists(`arcqueue:model:${doomed}`)).toBe(0);
  });
});

describe('POST /models/:model/check', () => {
  it('names a broken file and a missing one', async () => {
    const model = await publishModel(api.artifactsDir, 'mbf');
    expect((await ask('POST', `/models/${model}/check`)).body).toMatchObject({
      isWhole: true,
      files: 2,
      faults: [],
    });
    await writeFile(join(api.artifactsDir, model, 'weights.bin'), 'weightz');
    const { body } = await ask('POST', `/models/${model}/check`);
    expect(body).toMatchObject({ isWhole: false, faults: [{ name: 'weights.bin' }] });
    expect(body.faults[0].expected).not.toBe(body.faults[0].found);
  });
});

describe('GET /models/compare', () => {
  it('compares what both were evaluated on in the same way, and nothing else', async () => {
    const verification = (tar: number, flipTest = false) => ({
      protocols: ['classification', 'verification'],
      accuracy: tar / 2,
      verification: {
        flipTest,
        auc: tar,
        tarAtFar: [{ far: 0.001, interpolated: tar }],
        eer: { rate: 1 - tar },
      },
    });
    const [a, b] = [await publishModel(api.artifactsDir, 'mbf'), await publishModel(api.artifactsDir, 'mbf')];
    await publishEvaluation(api.artifactsDir, a, verification(0.1));
    const left = await publishEvaluation(api.artifactsDir, a, verification(0.5));
    const right = await publishEvaluation(api.artifactsDir, b, verification(0.75));
    await publishEvaluation(api.artifactsDir, b, { ...verification(0.9), datasetHash: 'other' });
    await publishEvaluation(api.artifactsDir, b, { ...verification(0.9, true), protocols: ['verification'] });
    const { body } = await ask('GET', `/models/compare?left=${a}&right=${b}`);
    expect(body.evaluations).toHaveLength(2);
    expect(body.evaluations[0]).toMatchObject({
      protocol: 'classification',
      left,
      right,
      figures: [{ figure: 'accuracy', left: 0.25, right: 0.375, difference: 0.125 }],
    });
    expect(body.evaluations[1].figures).toContainEqual({
      figure: 'tarAtFar.0.001.interpolated',
      left: 0.5,
      right: 0.75,
      difference: 0.25,
    });
    expect((await ask('GET', `/models/compare?left=${a}`)).status).toBe(400);
  });
});
