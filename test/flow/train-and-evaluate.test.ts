import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EpochMetrics, StepMetrics } from '../../src/jobs/job-record.js';
import { type JobView, Service, type ServiceProcess } from './service.js';
import { QUICK, writeBrokenImage, writeColours } from './tiny-dataset.js';

type Artifacts = {
  artifacts: { name: string; bytes: number; sha256: string; url: string }[];
  manifest: string;
};

let service: Service;
let worker: ServiceProcess;
let trained: JobView;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
  await writeBrokenImage(join(service.datasetRoot, 'colours'), 'red', 'broken.png');
  await writeColours(join(service.datasetRoot, 'with-strangers'), {
    classes: ['red', 'blue', 'grey'],
    images: 4,
  });
  worker = service.startWorker();
  const id = await service.submit('train', { dataset: 'colours', ...QUICK });
  trained = await service.reach(id, 'succeeded');
});
afterAll(() => service.stop());

describe('a training', () => {
  it('passes through its states in order, each dated and with a cause', () => {
    const states = trained.transitions.map(({ state }) => state);
    expect(states).toEqual(['queued', 'starting', 'running', 'finalizing', 'succeeded']);
    const dates = trained.transitions.map(({ at }) => Date.parse(at));
    expect(dates).toEqual([...dates].sort((a, b) => a - b));
    expect(trained.transitions.every(({ cause }) => cause.length > 0)).toBe(true);
  });

  it('ends at 100 percent with its result', () => {
    // 8 images a class, one of each held out for validation: 21 left, three batches of 8 in each of two epochs.
    expect(trained.progress).toMatchObject({ percent: 100, epoch: 2, epochs: 2, step: 6, steps: 6 });
    expect(trained.result).toMatchObject({
      classCount: 3,
      trainingImages: 21,
      validationImages: 3,
      steps: 6,
    });
    expect(trained.error).toBeNull();
  });

  it('lists an unreadable image as skipped and trains on the others', () => {
    expect(trained.result).toMatchObject({
      skippedImages: 1,
      skipped: [{ path: 'red/broken.png', reason: expect.any(String) }],
    });
  });

  it('can be the start of another one, with stages of it frozen', async () => {
    const start = { initFrom: 'latest', freezeStages: ['stem'], epochs: 1, learningRate: 'auto' };
    const id = await service.submit('train', { dataset: 'with-strangers', ...QUICK, ...start });
    const second = await service.reach(id, 'succeeded');
    expect(second.request).toMatchObject({ initFrom: trained.id });
    // Red and blue carried over; green is gone, grey is new. 8 images a step: an eighth of 0.1.
    expect(second.result).toMatchObject({
      warmStart: { carriedClasses: 2, newClasses: 1 },
      learningRate: 0.0125,
    });
  });

  it('keeps the metrics of every step and every epoch', async () => {
    type History = { steps: { rows: StepMetrics[] }; epochs: EpochMetrics[] };
    const { steps, epochs } = await service.json<History>(`/jobs/${trained.id}/metrics`);
    expect(steps.rows.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps.rows.flat().every(Number.isFinite)).toBe(true);
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 3],
      [2, 6],
    ]);
    expect(epochs.every(({ validationLoss }) => typeof validationLoss === 'number')).toBe(true);
  });

  it('publishes files that are as the manifest says', async () => {
    const { artifacts, manifest: address } = await service.json<Artifacts>(`/jobs/${trained.id}/artifacts`);
    const manifest = await service.json<Record<string, unknown>>(address);
    expect(artifacts.length).toBeGreaterThan(2);
    expect(manifest).toMatchObject({
      jobId: trained.id,
      kind: 'train',
      attempt: 1,
      files: artifacts.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
      result: trained.result,
      provenance: { datasetHash: expect.stringMatching(/^[0-9a-f]{64}$/), device: expect.any(String) },
    });
    for (const { url, bytes, sha256 } of artifacts) {
      const content = Buffer.from(await (await service.fetch(url)).arrayBuffer());
      expect(content.byteLength).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    }
  });

  it('leaves the event loop of its worker free', async () => {
    const { longestEventLoopDelayMs } = await worker.line('done with the job', { jobId: trained.id });
    console.log(`the worker's longest event-loop delay during a training: ${longestEventLoopDelayMs} ms`);
    expect(longestEventLoopDelayMs).toBeGreaterThan(0);
    expect(longestEventLoopDelayMs).toBeLessThan(50);
  });
});

describe('an evaluation', () => {
  it.each([0, 0.9])('reports over HTTP what its result says, at threshold %d', async (threshold) => {
    const request = { model: trained.id, dataset: 'with-strangers', threshold };
    const job = await service.reach(await service.submit('evaluate', request), 'succeeded');
    const report = await service.json<Record<string, unknown>>(`/jobs/${job.id}/artifacts/report.json`);
    expect(report).toMatchObject(job.result ?? {});
    expect(job.result).toMatchObject({ threshold, temperature: 5 });
    expect(report).toMatchObject({ images: 8, strangers: { images: 4 } });
    // Without a threshold nobody is turned away.
    if (threshold === 0) expect(report).toMatchObject({ strangers: { falselyAccepted: 4 }, coverage: 1 });
  });
});

describe('what cannot be run', () => {
  it('says that classCount is wrong, as the fault of the user', async () => {
    const id = await service.submit('train', { dataset: 'colours', ...QUICK, classCount: 7 });
    const { error, attempt } = await service.reach(id, 'failed');
    expect(error).toMatchObject({ code: 'class_count_mismatch', fault: 'user', retryable: false });
    expect(error?.message).toMatch(/7.*3/s);
    expect(attempt).toBe(1);
  });

  it('says that a class has no readable image, as the fault of the data', async () => {
    await writeColours(join(service.datasetRoot, 'one-broken'), { classes: ['red', 'green'] });
    await writeBrokenImage(join(service.datasetRoot, 'one-broken'), 'blue', '0.png');
    const id = await service.submit('train', { dataset: 'one-broken', ...QUICK });
    const { error } = await service.reach(id, 'failed');
    expect(error).toMatchObject({ code: 'class_empty', fault: 'data' });
    expect(error?.message).toContain('blue');
  });

  it('says that a dataset is gone that was there when the job was sent', async () => {
    await writeColours(join(service.datasetRoot, 'brief'), { images: 1 });
    const held = await service.submit('train', { dataset: 'colours', ...QUICK });
    const id = await service.submit('train', { dataset: 'brief', ...QUICK });
    await rm(join(service.datasetRoot, 'brief'), { recursive: true });
    expect((await service.reach(id, 'failed')).error).toMatchObject({
      code: 'dataset_location',
      fault: 'user',
    });
    expect((await service.job(held)).state).toBe('succeeded');
  });
});
