import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStaging, publishArtifacts } from '../../src/artifacts/publish.js';
import { type ApiFixture, startApiFixture } from './api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApiFixture();
  await publish('trained', 'train', 'model.json');
  await publish('calibrated', 'evaluate', 'calibration.json');
  await publish('classified', 'evaluate', 'report.json');
});
afterAll(() => api.stop());

async function publish(jobId: string, kind: 'train' | 'evaluate', file: string): Promise<void> {
  const staging = await openStaging(api.artifactsDir, { jobId, attempt: 1 });
  await writeFile(join(staging, file), '{}');
  await publishArtifacts(api.artifactsDir, { jobId, attempt: 1, kind, result: {}, provenance: {} });
}

async function post(fields: object) {
  const payload = { model: 'trained', dataset: 'demo/test', ...fields };
  const response = await api.app.inject({ method: 'POST', url: '/jobs/evaluate', payload });
  return { status: response.statusCode, body: response.json() };
}

describe('POST /jobs/evaluate by protocol', () => {
  it('fills in the defaults of the protocols asked for', async () => {
    const { status, body } = await post({ protocols: ['verification'], verification: { folds: 5 } });
    expect(status).toBe(202);
    expect(body.request).toMatchObject({ verification: { folds: 5, genuinePairs: 3000 }, flipTest: false });
    expect(body.request).not.toHaveProperty('identification');
    const drawn = await post({ protocols: ['classification', 'identification'] });
    expect(drawn.body.request.identification).toEqual({
      galleryImages: 1,
      unknownFraction: 0,
      templateRule: 'mean',
    });
    expect((await post({})).body.request).toMatchObject({ protocols: ['classification'], threshold: 0.9 });
  });

  it.each([
    [{ verification: {} }, 'verification', 'nothing, or "verification" among the protocols'],
    [
      { protocols: ['faces'] },
      'protocols.0',
      'one of "classification", "calibration", "verification", "identification"',
    ],
    [{ protocols: [] }, 'protocols', 'must NOT have fewer than 1 items'],
    [
      { protocols: ['verification'], verification: { fold: 5 } },
      'verification.fold',
      'one of the fields pairs',
    ],
    [
      { protocols: ['verification'], verification: { pairs: 'pairs.pkl' } },
      'verification.pairs',
      'text that matches',
    ],
    [{ threshold: 2 }, 'threshold', 'a number >= 0 and <= 1, or "auto"'],
    [{ temperature: 'warm' }, 'temperature', 'a number > 0 and <= 1000, or "auto"'],
    [
      { threshold: 'auto', calibratedBy: 'nobody' },
      'calibratedBy',
      'the id of an evaluation with the protocol "calibration"',
    ],
    [
      { threshold: 'auto', calibratedBy: 'classified' },
      'calibratedBy',
      'the id of an evaluation with the protocol "calibration"',
    ],
    [
      { calibratedBy: 'calibrated' },
      'calibratedBy',
      'nothing, or "auto" as the threshold or the temperature',
    ],
  ])('refuses %j by the field %s', async (fields, field, expected) => {
    const { status, body } = await post(fields);
    expect(status).toBe(400);
    expect(body.errors).toHaveLength(1);
    expect(body.errors[0]).toMatchObject({ field, expected: expect.stringContaining(expected) });
  });

  it('accepts auto with a calibration that is published', async () => {
    const { status, body } = await post({
      threshold: 'auto',
      temperature: 'auto',
      calibratedBy: 'calibrated',
    });
    expect(status).toBe(202);
    expect(body.request).toMatchObject({
      threshold: 'auto',
      temperature: 'auto',
      calibratedBy: 'calibrated',
    });
  });
});
