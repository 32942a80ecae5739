import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const post = (url: string, payload: object) => api.app.inject({ method: 'POST', url, payload });

describe('POST /jobs/train', () => {
  it('answers 202 with the job, its defaults filled in, and its address', async () => {
    const response = await post('/jobs/train', { dataset: 'demo/train' });
    expect(response.statusCode).toBe(202);
    const job = response.json();
    expect(response.headers.location).toBe(`/jobs/${job.id}`);
    expect(job).toMatchObject({ kind: 'train', state: 'queued', request: trainRequest });
    const found = await api.app.inject(`/jobs/${job.id}`);
    expect(found.statusCode).toBe(200);
    expect(found.json()).toEqual(job);
  });

  it('puts the job into the queue', async () => {
    const { id } = (await post('/jobs/train', { dataset: 'demo/train' })).json();
    expect(await api.redis.zrange('arcqueue:bull:jobs:prioritized', '0', '-1')).toEqual([id]);
  });

  it('names every wrong and unknown field with what was expected and found', async () => {
    const response = await post('/jobs/train', {
      dataset: 'demo/train',
      epochs: '30',
      batchSize: 1,
      backbone: 'resnet',
      imageSize: 100,
      learningrate: 0.1,
    });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toBe('application/problem+json');
    const problem = response.json();
    expect(problem).toMatchObject({
      type: 'urn:arcqueue:problem:invalid-request',
      status: 400,
      title: 'Bad Request',
    });
    const byField = Object.fromEntries(
      problem.errors.map(({ field, expected, found }: Record<string, string>) => [field, [expected, found]]),
    );
    expect(byField.epochs).toEqual(['an integer', '"30"']);
    expect(byField.batchSize).toEqual(['a number >= 2', '1']);
    expect(byField.backbone).toEqual([
      'one of "mobilefacenet", "mbf", "iresnet18", "iresnet34", "iresnet50", "iresnet100"',
      '"resnet"',
    ]);
    expect(byField.imageSize).toEqual(['a multiple of 16', '100']);
    expect(byField.learningrate[0]).toContain('learningRate');
    expect(byField.learningrate[1]).toBe('the unknown field "learningrate"');
    expect(Object.keys(byField)).toHaveLength(5);
  });

  it('fills in what a part of the augmentation leaves out, and names wrong and unknown fields in it', async () => {
    const augmentation = { crop: { probability: 0.2 } };
    const response = await post('/jobs/train', { dataset: 'demo/train', augmentation });
    expect(response.json().request.augmentation).toEqual({
      ...trainRequest.augmentation,
      crop: { ...trainRequest.augmentation.crop, probability: 0.2 },
    });
    const wrong = { augmentation: { crop: { probability: 2, minarea: 0.1 }, blurr: {} } };
    const refused = await post('/jobs/train', { dataset: 'demo/train', ...wrong });
    expect(
      refused
        .json()
        .errors.map(({ field }: { field: string }) => field)
        .sort(),
    ).toEqual(['augmentation.blurr', 'augmentation.crop.minarea', 'augmentation.crop.probability']);
  });

  it('names every field that does not go with the others', async () => {
    const response = await post('/jobs/train', { dataset: 'demo/train', sampler: 'p-by-k', shuffle: false });
    expect(response.statusCode).toBe(400);
    expect(response.json().errors.map(({ field }: { field: string }) => field)).toEqual([
      'shuffle',
      'classesPerBatch',
      'imagesPerClass',
    ]);
    expect((await api.store.list({ limit: 1 })).jobs).toEqual([]);
  });

  it('names a missing field', async () => {
    const response = await post('/jobs/train', {});
    expect(response.json().errors).toEqual([{ field: 'dataset', expected: 'a string', found: 'nothing' }]);
  });

  it.each([
    ['demo/missing', 'does not exist'],
    ['../datasets/demo/train', 'the segment ".."'],
    ['demo/../demo/train', 'the segment ".."'],
    ['/etc', 'the absolute path'],
    ['way-out', 'leads out'],
    ['way-out/artifacts', 'leads out'],
    ['file', 'which is neither'],
    ['file/inside', 'leads through a file'],
    ['.', 'the segment "."'],
  ])('refuses the dataset %s', async (dataset, found) => {
    const response = await post('/jobs/train', { dataset });
    expect(response.statusCode).toBe(400);
    const [error, ...others] = response.json().errors;
    expect(error.field).toBe('dataset');
    expect(error.found).toContain(found);
    expect(others).toEqual([]);
    expect(response.body).not.toContain(api.artifactsDir);
    expect((await api.store.list({ limit: 1 })).jobs).toEqual([]);
  });
});

describe('POST /jobs/evaluate', () => {
  it('refuses an unknown model, naming the field', async () => {
    const response = await post('/jobs/evaluate', { dataset: 'demo/test', model: 'nothing' });
    expect(response.statusCode).toBe(400);
    expect(response.json().errors).toMatchObject([{ field: 'model', found: '"nothing", which no job has' }]);
  });

  it('refuses the latest model while there is none', async () => {
    const response = await post('/jobs/evaluate', { dataset: 'demo/test', model: 'latest' });
    expect(response.statusCode).toBe(400);
    expect(response.json().errors[0].found).toContain('no training has succeeded');
  });

  it('answers 409 while the training goes on', async () => {
    const { id } = await api.store.create('train', trainRequest);
    const response = await post('/jobs/evaluate', { dataset: 'demo/test', model: id });
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({ type: 'urn:arcqueue:problem:model-not-ready', status: 409 });
  });

  it('refuses a training that failed', async () => {
    const { id } = await api.store.create('train', trainRequest);
    await api.store.transition(id, 'failed', 'For the test.');
    const response = await post('/jobs/evaluate', { dataset: 'demo/test', model: id });
    expect(response.statusCode).toBe(400);
    expect(response.json().errors[0]).toMatchObject({
      field: 'model',
      found: `"${id}", a training that is failed`,
    });
  });
});
