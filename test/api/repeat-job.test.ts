import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeChanges } from '../../src/api/clone-request.js';
import { openCheckpoints } from '../../src/artifacts/checkpoint-folder.js';
import { openStaging, publishArtifacts } from '../../src/artifacts/publish.js';
import { evaluateRequest, trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
});
afterAll(() => api.stop());

const post = (url: string, payload?: object) =>
  api.app.inject({ method: 'POST', url, ...(payload ? { payload } : {}) });
const remove = (id: string) => api.app.inject({ method: 'DELETE', url: `/jobs/${id}` });

async function failedJob(): Promise<string> {
  const { id } = await api.store.create('train', { ...trainRequest, epochs: 7 });
  await api.store.transition(id, 'failed', 'Test.');
  return id;
}

async function publish(id: string): Promise<string> {
  const staging = await openStaging(api.artifactsDir, { jobId: id, attempt: 1 });
  await writeFile(join(staging, 'model.json'), '{}');
  const publication = { jobId: id, attempt: 1, kind: 'train', result: {}, provenance: {} } as const;
  await publishArtifacts(api.artifactsDir, publication);
  return join(api.artifactsDir, id);
}

describe('POST /jobs/:id/retry', () => {
  it('goes on from the last checkpoint when asked to, and only where there is one', async () => {
    const { id } = await api.store.create('train', trainRequest);
    await api.store.transition(id, 'starting', 'Test.', { attempt: 1 });
    await api.store.transition(id, 'failed', 'Test.', { attempt: 1 });
    const without = await post(`/jobs/${id}/retry`, { from: 'checkpoint' });
    expect([without.statusCode, without.json().type]).toEqual([409, 'urn:arcqueue:problem:no-checkpoint']);
    const folder = await openCheckpoints(api.artifactsDir, { jobId: id, attempt: 1 });
    await mkdir(join(folder, '000001-0000000001'));
    const retried = await post(`/jobs/${id}/retry`, { from: 'checkpoint' });
    expect(retried.statusCode).toBe(202);
    expect(retried.json().origin).toEqual({ jobId: id, how: 'retry', from: 'checkpoint' });
    expect((await post(`/jobs/${id}/retry`, { from: 'start' })).json().origin).toEqual({
      jobId: id,
      how: 'retry',
    });
    expect((await post(`/jobs/${id}/retry`, { form: 'start' })).statusCode).toBe(400);
  });

  it('makes a queued job of the same request, and leaves the old one as it is', async () => {
    const id = await failedJob();
    const answer = await post(`/jobs/${id}/retry`);
    expect(answer.statusCode).toBe(202);
    const retried = answer.json();
    expect(answer.headers.location).toBe(`/jobs/${retried.id}`);
    expect(retried).toMatchObject({ state: 'queued', attempt: 0, origin: { jobId: id, how: 'retry' } });
    expect(retried.request).toEqual({ ...trainRequest, epochs: 7 });
    expect(await api.queue.has(retried.id)).toBe(true);
    expect(await api.store.get(id)).toMatchObject({ state: 'failed', origin: null });
  });

  it('refuses a job that is not over, or has succeeded', async () => {
    const { id } = await api.store.create('train', trainRequest);
    expect((await post(`/jobs/${id}/retry`)).statusCode).toBe(409);
    for (const state of ['starting', 'running', 'finalizing', 'succeeded'] as const) {
      await api.store.transition(id, state, 'Test.');
    }
    expect((await post(`/jobs/${id}/retry`)).json().type).toBe('urn:arcqueue:problem:not-retriable');
  });
});

describe('POST /jobs/:id/clone', () => {
  it('changes what it is told to, takes null back to the default, and checks all of it', async () => {
    const id = await failedJob();
    const cloned = (await post(`/jobs/${id}/clone`, { learningRate: 0.02, epochs: null })).json();
    expect(cloned.request).toEqual({ ...trainRequest, learningRate: 0.02, epochs: 30 });
    expect(cloned.origin).toEqual({ jobId: id, how: 'clone' });
    const refused = await post(`/jobs/${id}/clone`, { learningRate: -1, epoch: 3, dataset: null });
    expect(refused.statusCode).toBe(400);
    const fields = refused.json().errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['dataset', 'epoch', 'learningRate']);
    expect((await post('/jobs/missing/clone', {})).statusCode).toBe(404);
  });

  it('merges objects field by field', () => {
    expect(mergeChanges({ a: { b: 1, c: 2 }, d: [1] }, { a: { c: null, e: 3 }, d: [2], f: 4 })).toEqual({
      a: { b: 1, e: 3 },
      d: [2],
      f: 4,
    });
  });
});

describe('DELETE /jobs/:id', () => {
  it('removes a job that is over with everything of it', async () => {
    const id = await failedJob();
    const dir = await publish(id);
    expect((await remove(id)).statusCode).toBe(204);
    await expect(access(dir)).rejects.toThrow('ENOENT');
    const left = (await api.redis.keys('*')).filter((key) => key.includes(id));
    expect(left).toEqual([]);
    const listed = (await api.app.inject({ url: '/jobs?limit=100' })).json().jobs;
    expect(listed.some((job: { id: string }) => job.id === id)).toBe(false);
    expect((await remove(id)).statusCode).toBe(404);
    // Nothing that a late worker writes brings any of it back.
    expect(await api.store.appendEvent(id, 0, 'log', { level: 'info', message: 'late' })).toBe(false);
  });

  it('refuses one that is not over, and a model that an evaluation needs', async () => {
    const { id } = await api.store.create('train', trainRequest);
    const answer = await remove(id);
    expect(answer.statusCode).toBe(409);
    expect(answer.json().type).toBe('urn:arcqueue:problem:job-is-not-over');
    await api.store.transition(id, 'failed', 'Test.');
    const evaluation = await api.store.create('evaluate', evaluateRequest(id));
    expect((await remove(id)).json().type).toBe('urn:arcqueue:problem:model-in-use');
    await api.store.transition(evaluation.id, 'cancelled', 'Test.');
    expect((await remove(id)).statusCode).toBe(204);
  });

  it('removes artifacts whose record is gone, and nothing above them', async () => {
    const dir = await publish('0199-orphan');
    await mkdir(join(api.artifactsDir, 'other'));
    expect((await remove('0199-orphan')).statusCode).toBe(204);
    await expect(access(dir)).rejects.toThrow('ENOENT');
    await access(join(api.artifactsDir, 'other'));
    expect((await remove('other')).statusCode).toBe(404);
    expect((await remove('..%2Fother')).statusCode).toBe(400);
  });
});
