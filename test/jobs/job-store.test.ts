import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JobError } from '../../src/jobs/job-error.js';
import type { EpochMetrics, Progress } from '../../src/jobs/job-record.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { evaluateRequest, trainRequest } from './job-requests.js';

let server: TestRedis;
let redis: Redis;
let store: JobStore;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  store = new JobStore(redis);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const progress: Progress = {
  epoch: 2,
  epochs: 3,
  step: 20,
  steps: 30,
  percent: 66.7,
  imagesPerSecond: 40,
  secondsLeft: 5,
};
const epoch = (n: number): EpochMetrics => ({
  epoch: n,
  step: n * 10,
  loss: 1 / n,
  accuracy: 0.5,
  learningRate: 0.05,
  imagesPerSecond: 40,
});

describe('records', () => {
  it('come back as they were created', async () => {
    const created = await store.create('train', trainRequest);
    expect(created).toMatchObject({
      kind: 'train',
      state: 'queued',
      attempt: 0,
      progress: null,
      error: null,
    });
    expect(created.request).toEqual(trainRequest);
    expect(await store.get(created.id)).toEqual(created);
  });

  it('are absent for an unknown id', async () => {
    expect(await store.get('018f0000-0000-7000-8000-000000000000')).toBeNull();
  });

  it('keep what an attempt saves: progress, metrics, result', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    expect(await store.saveProgress(id, 1, progress, { loss: 0.25 })).toBe(true);
    expect(await store.saveResult(id, 1, { classCount: 12 })).toBe(true);
    expect(await store.get(id)).toMatchObject({
      progress,
      metrics: { loss: 0.25 },
      result: { classCount: 12 },
    });
  });
});

describe('transitions', () => {
  it('are kept with their cause, in order', async () => {
    const { id } = await store.create('train', trainRequest);
    expect(await store.transition(id, 'starting', 'Taken.', { attempt: 1 })).toEqual({
      moved: true,
      from: 'queued',
      state: 'starting',
    });
    await store.transition(id, 'running', 'Trainer is ready.', { attempt: 1 });
    const job = await store.get(id);
    expect(job?.state).toBe('running');
    expect(job?.transitions.map(({ state, cause }) => [state, cause])).toEqual([
      ['queued', 'Submitted.'],
      ['starting', 'Taken.'],
      ['running', 'Trainer is ready.'],
    ]);
    expect(job?.transitions.every(({ at }) => Math.abs(Date.now() - Date.parse(at)) < 10_000)).toBe(true);
  });

  it('refuse what the table forbids, and say where the job is', async () => {
    const { id } = await store.create('train', trainRequest);
    const refused = await store.transition(id, 'succeeded', 'Wishful.');
    expect(refused).toEqual({ moved: false, reason: 'not_allowed', state: 'queued' });
    expect((await store.get(id))?.transitions).toHaveLength(1);
  });

  it('never leave a terminal state', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'cancelled', 'Asked.');
    for (const to of ['starting', 'failed', 'queued'] as const) {
      expect(await store.transition(id, to, 'Late.', { attempt: 9 })).toMatchObject({ moved: false });
    }
    expect((await store.get(id))?.state).toBe('cancelled');
  });

  it('of an unknown job say so', async () => {
    expect(await store.transition('nothing', 'starting', 'Taken.')).toEqual({
      moved: false,
      reason: 'not_found',
      state: null,
    });
  });

  it('let exactly one of many concurrent takers in', async () => {
    const { id } = await store.create('train', trainRequest);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => store.transition(id, 'starting', 'Taken.', { attempt: 1 })),
    );
    expect(outcomes.filter(({ moved }) => moved)).toHaveLength(1);
  });
});

describe('fencing', () => {
  it('refuses every write of an attempt that lost the job', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    await store.saveProgress(id, 1, progress, { loss: 0.5 });
    await store.appendEvent(id, 1, 'steps', [[1, 2, 0, 0.01]]);
    await store.transition(id, 'starting', 'Taken after a lost worker.', { attempt: 2 });

    expect(await store.saveProgress(id, 1, progress, { loss: 0.1 })).toBe(false);
    expect(await store.saveResult(id, 1, { stale: true })).toBe(false);
    expect(await store.appendEvent(id, 1, 'steps', [[2, 1, 0, 0.01]])).toBe(false);
    expect(await store.appendEvent(id, 1, 'epoch', epoch(1))).toBe(false);
    const late = { moved: false, reason: 'stale_attempt', state: 'starting' };
    expect(await store.transition(id, 'running', 'Late.', { attempt: 1 })).toEqual(late);
    expect(await store.fail(id, 1, new JobError('x', 'data', 'late'), 'Late.')).toEqual(late);

    expect(await store.get(id)).toMatchObject({
      attempt: 2,
      state: 'starting',
      progress: null,
      metrics: {},
      result: null,
    });
    expect(await store.saveProgress(id, 2, progress, { loss: 0.3 })).toBe(true);
  });

  it('refuses writes once the job is over', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    await store.fail(id, 1, new JobError('x', 'data', 'bad'), 'Failed.');
    expect(await store.saveProgress(id, 1, progress, {})).toBe(false);
    expect((await store.get(id))?.progress).toBeNull();
  });

  it('keeps the error together with the failed state', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    const error = new JobError('empty_class', 'data', 'expected images in every class, found none in "moon"');
    await store.fail(id, 1, error, 'The dataset was refused.');
    expect(await store.get(id)).toMatchObject({ state: 'failed', error: error.toJSON() });
  });
});

describe('metrics', () => {
  it('come back whole, over many stream entries', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    for (let step = 1; step <= 1200; step++)
      void store.appendEvent(id, 1, 'steps', [[step, 1 / step, 0.5, 0.05]]);
    await store.appendEvent(id, 1, 'epoch', epoch(1));
    const { steps, epochs } = await store.readMetrics(id);
    expect(steps.map(([step]) => step)).toEqual(Array.from({ length: 1200 }, (_, i) => i + 1));
    expect(epochs).toEqual([epoch(1)]);
  });

  it('are those of all attempts', async () => {
    const { id } = await store.create('train', trainRequest);
    await store.transition(id, 'starting', 'Taken.', { attempt: 1 });
    await store.appendEvent(id, 1, 'steps', [[1, 9, 0, 0.05]]);
    await store.transition(id, 'starting', 'Taken again.', { attempt: 2 });
    await store.appendEvent(id, 2, 'steps', [[2, 7, 0, 0.05]]);
    expect(await store.readMetrics(id)).toEqual({
      steps: [
        [1, 9, 0, 0.05],
        [2, 7, 0, 0.05],
      ],
      epochs: [],
      isTruncated: false,
    });
  });

  it('of a job without any are empty', async () => {
    expect(await store.readMetrics('nothing')).toEqual({ steps: [], epochs: [], isTruncated: false });
  });
});

describe('listing', () => {
  it('gives each job once, newest first, over pages', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push((await store.create('train', trainRequest)).id);
    const seen: string[] = [];
    const sizes: number[] = [];
    let after: string | null | undefined;
    while (after !== null) {
      const page = await store.list({ limit: 3, ...(after ? { after } : {}) });
      seen.push(...page.jobs.map(({ id }) => id));
      sizes.push(page.jobs.length);
      after = page.nextCursor;
      // A job that arrives between two pages must shift nothing.
      await store.create('train', trainRequest);
    }
    expect(seen).toEqual(ids.toReversed());
    expect(sizes).toEqual([3, 3, 1]);
  });

  it('narrows to state and kind, and follows transitions', async () => {
    const train = await store.create('train', trainRequest);
    const other = await store.create('train', trainRequest);
    const evaluate = await store.create('evaluate', evaluateRequest(train.id));
    await store.transition(train.id, 'starting', 'Taken.', { attempt: 1 });
    await store.transition(evaluate.id, 'starting', 'Taken.', { attempt: 1 });
    const idsOf = async (filter: Omit<Parameters<JobStore['list']>[0], 'limit'>) =>
      (await store.list({ ...filter, limit: 10 })).jobs.map(({ id }) => id);
    expect(await idsOf({})).toEqual([evaluate.id, other.id, train.id]);
    expect(await idsOf({ kind: 'train' })).toEqual([other.id, train.id]);
    expect(await idsOf({ state: 'starting' })).toEqual([evaluate.id, train.id]);
    expect(await idsOf({ state: 'starting', kind: 'train' })).toEqual([train.id]);
    expect(await idsOf({ state: 'queued' })).toEqual([other.id]);
    expect(await idsOf({ state: 'queued', kind: 'evaluate' })).toEqual([]);
  });

  it('takes one step of Redis whatever the total', async () => {
    for (let i = 0; i < 300; i++) void store.create('train', trainRequest);
    await store.create('train', trainRequest);
    await redis.config('RESETSTAT');
    await store.list({ limit: 5 });
    const stats = await redis.info('commandstats');
    expect(stats).toMatch(/cmdstat_zrange:calls=1,/);
    expect(stats).toMatch(/cmdstat_hgetall:calls=6,/);
  });
});
