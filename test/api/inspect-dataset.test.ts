import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const inspect = (payload: object) => api.app.inject({ method: 'POST', url: '/datasets/inspect', payload });

describe('POST /datasets/inspect', () => {
  it('answers 202 with a job that can be found, alone and among those of its kind', async () => {
    const response = await inspect({ dataset: 'demo/train' });
    expect(response.statusCode).toBe(202);
    const job = response.json();
    expect(response.headers.location).toBe(`/jobs/${job.id}`);
    expect(job).toMatchObject({ kind: 'inspect', state: 'queued', request: { dataset: 'demo/train' } });
    expect((await api.app.inject(`/jobs/${job.id}`)).json()).toEqual(job);
    const listed = async (kind: string) => (await api.app.inject(`/jobs?kind=${kind}`)).json().jobs;
    expect(await listed('inspect')).toEqual([job]);
    expect(await listed('train')).toEqual([]);
    expect(await api.redis.zrange('arcqueue:bull:jobs:prioritized', '0', '-1')).toEqual([job.id]);
  });

  it('fills in the defaults of a training, as for the training itself', async () => {
    const { request } = (await inspect({ dataset: 'demo/train', training: {} })).json();
    const { dataset: _, ...settings } = trainRequest;
    expect(request.training).toEqual(settings);
    const changed = (await inspect({ dataset: 'demo/train', training: { batchSize: 5 } })).json();
    expect(changed.request.training).toEqual({ ...settings, batchSize: 5 });
  });

  it.each([
    [{ dataset: 'demo/none' }, 'dataset'],
    [{ dataset: 'demo/train', testDataset: '../x' }, 'testDataset'],
    [{ dataset: 'demo/train', training: { epoch: 3 } }, 'training.epoch'],
    [{ dataset: 'demo/train', training: { batchSize: 'x' } }, 'training.batchSize'],
    [{ dataset: 'demo/train', training: { classesPerBatch: 4 } }, 'training.classesPerBatch'],
    [{ dataset: 'demo/train', batchSize: 4 }, 'batchSize'],
    [{}, 'dataset'],
  ])('refuses %j, naming the field', async (body, field) => {
    const response = await inspect(body);
    expect(response.statusCode).toBe(400);
    expect(response.json().errors.map((error: { field: string }) => error.field)).toEqual([field]);
  });
});
