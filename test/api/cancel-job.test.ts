import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ControlMessage, subscribeControl } from '../../src/jobs/job-control.js';
import { trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const cancel = (id: string) => api.app.inject({ method: 'POST', url: `/jobs/${id}/cancel` });

describe('POST /jobs/:id/cancel', () => {
  it('cancels a queued job at once and takes it out of the queue', async () => {
    const submitted = await api.app.inject({
      method: 'POST',
      url: '/jobs/train',
      payload: { dataset: 'demo/train' },
    });
    const { id } = submitted.json();
    const response = await cancel(id);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ id, state: 'cancelled' });
    expect(response.json().transitions.at(-1).cause).toBe('Cancelled through the API.');
    expect(await api.redis.zrange('arcqueue:bull:jobs:prioritized', '0', '-1')).toEqual([]);
  });

  it.each(['starting', 'running', 'finalizing'] as const)(
    'tells the worker of a %s job to stop, as often as asked',
    async (state) => {
      const heard: ControlMessage[] = [];
      const unsubscribe = await subscribeControl(api.redis, (message) => heard.push(message));
      const { id } = await api.store.create('train', trainRequest);
      const path = ['starting', 'running', 'finalizing'] as const;
      for (const step of path.slice(0, path.indexOf(state) + 1)) {
        await api.store.transition(id, step, 'For the test.', { attempt: 1 });
      }
      for (let round = 1; round <= 2; round++) {
        const response = await cancel(id);
        expect(response.statusCode).toBe(202);
        expect(response.json().state).toBe('cancelling');
        await vi.waitFor(() => expect(heard).toEqual(Array(round).fill({ type: 'cancel', id })));
      }
      unsubscribe();
    },
  );

  it('answers 409 once the job is over', async () => {
    const { id } = await api.store.create('train', trainRequest);
    await api.store.transition(id, 'failed', 'For the test.');
    const response = await cancel(id);
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({
      type: 'urn:arcqueue:problem:job-is-over',
      detail: 'Expected a job that is not over, found one that is failed.',
    });
    expect((await api.store.get(id))?.state).toBe('failed');
  });

  it('answers 404 for an unknown job', async () => {
    expect((await cancel('unknown')).statusCode).toBe(404);
  });
});
