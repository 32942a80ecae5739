import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { evaluateRequest, trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const get = async (url: string) => (await api.app.inject(url)).json();

describe('GET /jobs', () => {
  it('pages through all jobs, newest first', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await api.store.create('train', trainRequest)).id);
    const first = await get('/jobs?limit=2');
    const second = await get(`/jobs?limit=2&after=${first.nextCursor}`);
    const third = await get(`/jobs?limit=2&after=${second.nextCursor}`);
    const seen = [first, second, third].flatMap(({ jobs }) => jobs.map(({ id }: { id: string }) => id));
    expect(seen).toEqual(ids.toReversed());
    expect(third.nextCursor).toBeNull();
  });

  it('filters by state and kind', async () => {
    const train = await api.store.create('train', trainRequest);
    const evaluate = await api.store.create('evaluate', evaluateRequest(train.id));
    await api.store.transition(train.id, 'cancelled', 'For the test.');
    expect((await get('/jobs?kind=evaluate')).jobs.map((job: { id: string }) => job.id)).toEqual([
      evaluate.id,
    ]);
    expect((await get('/jobs?state=cancelled')).jobs.map((job: { id: string }) => job.id)).toEqual([
      train.id,
    ]);
    expect((await get('/jobs?state=cancelled&kind=evaluate')).jobs).toEqual([]);
  });
});

describe('GET /jobs/:id', () => {
  it('has the same fields whatever became of the job', async () => {
    const { id } = await api.store.create('train', trainRequest);
    const queued = await get(`/jobs/${id}`);
    await api.store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    await api.store.transition(id, 'running', 'Ready.', { attempt: 1 });
    const progress = {
      epoch: 1,
      epochs: 2,
      step: 3,
      steps: 8,
      percent: 37.5,
      imagesPerSecond: 41.5,
      secondsLeft: null,
    };
    await api.store.saveProgress(id, 1, progress, { loss: 2.5, accuracy: 0.25 });
    await api.store.saveResult(id, 1, { bestEpoch: 1, nested: { scale: 12.5 } });
    const running = await get(`/jobs/${id}`);
    expect(Object.keys(running).sort()).toEqual(Object.keys(queued).sort());
    expect(running).toMatchObject({
      state: 'running',
      attempt: 1,
      progress,
      metrics: { loss: 2.5, accuracy: 0.25 },
      result: { bestEpoch: 1, nested: { scale: 12.5 } },
      error: null,
    });
    expect(running.transitions).toHaveLength(3);
    for (const link of ['self', 'metrics', 'artifacts']) {
      expect((await api.app.inject(running.links[link])).statusCode).toBe(200);
    }
  });

  it('shows the error of a failed job', async () => {
    const { id } = await api.store.create('evaluate', evaluateRequest('some-model'));
    await api.store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    const error = {
      code: 'empty_class',
      fault: 'data',
      retryable: false,
      message: 'expected images, found none',
    } as const;
    await api.store.fail(id, 1, error, 'The dataset was refused.');
    expect(await get(`/jobs/${id}`)).toMatchObject({ kind: 'evaluate', state: 'failed', error });
  });
});

describe('GET /jobs/:id/metrics', () => {
  it('gives every step and epoch', async () => {
    const { id } = await api.store.create('train', trainRequest);
    await api.store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    await api.store.appendEvent(id, 1, 'steps', [[1, 3.5, 0.125, 0.01]]);
    await api.store.appendEvent(id, 1, 'steps', [[2, 3.25, 0.25, 0.02]]);
    const epoch = { epoch: 1, step: 2, loss: 3.4, accuracy: 0.2, learningRate: 0.02, imagesPerSecond: 40 };
    await api.store.appendEvent(id, 1, 'epoch', { ...epoch, validationAccuracy: 0.5 });
    expect(await get(`/jobs/${id}/metrics`)).toEqual({
      jobId: id,
      attempt: 1,
      isTruncated: false,
      steps: {
        columns: ['step', 'loss', 'accuracy', 'learningRate'],
        rows: [
          [1, 3.5, 0.125, 0.01],
          [2, 3.25, 0.25, 0.02],
        ],
      },
      epochs: [{ ...epoch, validationAccuracy: 0.5 }],
    });
  });
});
