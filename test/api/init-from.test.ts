import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openStaging, publishArtifacts } from '../../src/artifacts/publish.js';
import { trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
  await writeFile(join(api.datasetRoot, 'demo/r18.safetensors'), '');
});
beforeEach(() => api.redis.flushall());
afterAll(() => api.stop());

const submit = (initFrom: string) =>
  api.app.inject({ method: 'POST', url: '/jobs/train', payload: { dataset: 'demo/train', initFrom } });

it('takes a file of weights under the dataset root as it is written', async () => {
  const response = await submit('demo/r18.safetensors');
  expect(response.statusCode).toBe(202);
  expect(response.json().request.initFrom).toBe('demo/r18.safetensors');
});

it('turns latest into the id of the newest published model', async () => {
  const { id } = await api.store.create('train', trainRequest);
  const staging = await openStaging(api.artifactsDir, { jobId: id, attempt: 1 });
  await writeFile(join(staging, 'model.json'), '{}');
  const publication = { jobId: id, attempt: 1, kind: 'train', result: {}, provenance: {} } as const;
  await publishArtifacts(api.artifactsDir, publication);
  for (const state of ['starting', 'running', 'finalizing', 'succeeded'] as const) {
    await api.store.transition(id, state, 'For the test.', { attempt: 1 });
  }
  expect((await submit('latest')).json().request.initFrom).toBe(id);
});

it.each([
  ['latest', 'no training has succeeded'],
  ['nothing', 'which no job has'],
  ['demo/missing.safetensors', 'does not exist'],
  ['../r18.safetensors', 'the segment ".."'],
  ['way-out/r18.safetensors', 'does not exist'],
])('refuses %s, naming the field', async (initFrom, found) => {
  const response = await submit(initFrom);
  expect(response.statusCode).toBe(400);
  expect(response.json().errors).toMatchObject([{ field: 'initFrom' }]);
  expect(response.json().errors[0].found).toContain(found);
  expect((await api.store.list({ limit: 1 })).jobs).toEqual([]);
});

it('answers 409 while the training that it names goes on', async () => {
  const { id } = await api.store.create('train', trainRequest);
  expect((await submit(id)).statusCode).toBe(409);
});
