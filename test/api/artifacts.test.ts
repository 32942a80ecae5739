import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStaging, publishArtifacts } from '../../src/artifacts/publish.js';
import type { JobRecord } from '../../src/jobs/job-record.js';
import { trainRequest } from '../jobs/job-requests.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

const WEIGHTS = Buffer.from([0, 1, 2, 253, 254, 255]);
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

let api: ApiFixture;
let job: JobRecord;
beforeAll(async () => {
  api = await startApiFixture();
  job = await api.store.create('train', trainRequest);
  await publish(job.id, 'train');
  await writeFile(join(api.artifactsDir, 'secret.json'), '{}');
});
afterAll(() => api.stop());

async function publish(jobId: string, kind: 'train' | 'evaluate'): Promise<void> {
  const staging = await openStaging(api.artifactsDir, { jobId, attempt: 1 });
  await mkdir(join(staging, 'model'));
  await writeFile(join(staging, 'model/weights.bin'), WEIGHTS);
  await writeFile(join(staging, 'a name.json'), '{"a":1}');
  await publishArtifacts(api.artifactsDir, { jobId, attempt: 1, kind, result: {}, provenance: {} });
}

const get = (url: string, headers = {}) => api.app.inject({ method: 'GET', url, headers });

describe('GET /jobs/:id/artifacts', () => {
  it('lists each file with its size and hash, at addresses that answer', async () => {
    const list = (await get(`/jobs/${job.id}/artifacts`)).json();
    const base = `/jobs/${job.id}/artifacts`;
    expect(list).toEqual({
      jobId: job.id,
      artifacts: [
        {
          name: 'a name.json',
          bytes: 7,
          sha256: sha256(Buffer.from('{"a":1}')),
          url: `${base}/a%20name.json`,
        },
        { name: 'model/weights.bin', bytes: 6, sha256: sha256(WEIGHTS), url: `${base}/model/weights.bin` },
      ],
      manifest: `${base}/manifest.json`,
    });
    for (const { url, sha256: hash } of list.artifacts) {
      const response = await get(url);
      expect(response.statusCode).toBe(200);
      expect(sha256(response.rawPayload)).toBe(hash);
    }
    expect((await get(list.manifest)).json()).toMatchObject({ jobId: job.id, kind: 'train' });
  });

  it('is empty while nothing is published', async () => {
    const { id } = await api.store.create('train', trainRequest);
    expect((await get(`/jobs/${id}/artifacts`)).json()).toEqual({ jobId: id, artifacts: [], manifest: null });
  });
});

describe('GET /jobs/:id/artifacts/*', () => {
  it('sends the content with its type, length and hash', async () => {
    const response = await get(`/jobs/${job.id}/artifacts/model/weights.bin`);
    expect(response.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '6',
      etag: `"${sha256(WEIGHTS)}"`,
    });
    const json = await get(`/jobs/${job.id}/artifacts/a%20name.json`);
    expect(json.headers['content-type']).toContain('application/json');
  });

  it('sends no content again to who has it', async () => {
    const url = `/jobs/${job.id}/artifacts/model/weights.bin`;
    const same = await get(url, { 'if-none-match': `"${sha256(WEIGHTS)}"` });
    expect([same.statusCode, same.body]).toEqual([304, '']);
    const other = await get(url, { 'if-none-match': '"other"' });
    expect(other.statusCode).toBe(200);
  });

  it.each([
    'missing.json',
    '../secret.json',
    '..%2fsecret.json',
    '%2e%2e/secret.json',
    'model/../../secret.json',
    'model',
    '/etc/passwd',
    '',
  ])('answers 404 for %j', async (name) => {
    const response = await get(`/jobs/${job.id}/artifacts/${name}`);
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toBe('application/problem+json');
  });

  it('answers a whole problem document when a published file is gone', async () => {
    const { id } = await api.store.create('train', trainRequest);
    await publish(id, 'train');
    await rm(join(api.artifactsDir, id, 'model/weights.bin'));
    const response = await get(`/jobs/${id}/artifacts/model/weights.bin`);
    expect(response.json()).toMatchObject({ status: 500 });
    expect(response.body).not.toContain(api.artifactsDir);
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(response.headers.etag).toBeUndefined();
  });
});

describe('the model of an evaluation', () => {
  const evaluate = (model: string) =>
    api.app.inject({ method: 'POST', url: '/jobs/evaluate', payload: { dataset: 'demo/test', model } });

  it('is accepted once its artifacts are published, even when its record is gone', async () => {
    expect((await evaluate(job.id)).statusCode).toBe(202);
    await publish('record-lost', 'train');
    expect((await evaluate('record-lost')).json()).toMatchObject({ request: { model: 'record-lost' } });
  });

  it('is recorded by its id when asked for as the latest', async () => {
    const { id } = await api.store.create('train', trainRequest);
    for (const state of ['starting', 'running', 'finalizing', 'succeeded'] as const) {
      await api.store.transition(id, state, 'For the test.', { attempt: 1 });
    }
    await publish(id, 'train');
    expect((await evaluate('latest')).json()).toMatchObject({ kind: 'evaluate', request: { model: id } });
  });

  it('is refused when it is an evaluation', async () => {
    await publish('an-evaluation', 'evaluate');
    const response = await evaluate('an-evaluation');
    expect(response.statusCode).toBe(400);
    expect(response.json().errors[0].field).toBe('model');
  });
});
