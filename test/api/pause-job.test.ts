import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type ControlMessage, subscribeControl } from '../../src/jobs/job-control.js';
import type { JobState } from '../../src/jobs/job-record.js';
import { trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const post = (id: string, action: string) => api.app.inject({ method: 'POST', url: `/jobs/${id}/${action}` });
const waiting = () => api.redis.zrange('arcqueue:bull:jobs:prioritized', '0', '-1');

async function submit(): Promise<string> {
  const payload = { dataset: 'demo/train' };
  return (await api.app.inject({ method: 'POST', url: '/jobs/train', payload })).json().id;
}

async function jobIn(...states: readonly JobState[]): Promise<string> {
  const { id } = await api.store.create('train', trainRequest);
  for (const state of states) await api.store.transition(id, state, 'Test.', { attempt: 1 });
  return id;
}

it('pauses a waiting job at once, takes it out of the queue, and puts it back when it is resumed', async () => {
  const id = await submit();
  const paused = await post(id, 'pause');
  expect([paused.statusCode, paused.json().state]).toEqual([200, 'paused']);
  expect(await waiting()).toEqual([]);
  const resumed = await post(id, 'resume');
  expect([resumed.statusCode, resumed.json().state]).toEqual([200, 'queued']);
  expect(await waiting()).toEqual([id]);
});

it('tells the worker of a running job to pause it, as often as asked', async () => {
  const heard: ControlMessage[] = [];
  const unsubscribe = await subscribeControl(api.redis, (message) => heard.push(message));
  const id = await jobIn('starting', 'running');
  for (let round = 1; round <= 2; round += 1) {
    const response = await post(id, 'pause');
    expect([response.statusCode, response.json().state]).toEqual([202, 'pausing']);
    await vi.waitFor(() => expect(heard).toEqual(Array(round).fill({ type: 'pause', id })));
  }
  unsubscribe();
});

it('cancels a paused job at once', async () => {
  const id = await submit();
  await post(id, 'pause');
  const response = await post(id, 'cancel');
  expect([response.statusCode, response.json().state]).toEqual([200, 'cancelled']);
});

it.each<[string, JobState[]]>([
  ['pause', ['starting', 'running', 'finalizing']],
  ['pause', ['starting', 'cancelling']],
  ['pause', ['cancelled']],
  ['resume', []],
  ['resume', ['starting', 'running']],
  ['resume', ['starting', 'pausing']],
])('refuses to %s a job that went through %j', async (action, states) => {
  const response = await post(await jobIn(...states), action);
  expect(response.statusCode).toBe(409);
  expect(response.json().detail).toContain(`found one that is ${states.at(-1) ?? 'queued'}`);
});

it('knows no job of another id', async () => {
  for (const action of ['pause', 'resume']) expect((await post('nothing', action)).statusCode).toBe(404);
});
