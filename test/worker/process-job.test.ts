import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readManifest } from '../../src/artifacts/manifest.js';
import { openStaging, publishArtifacts } from '../../src/artifacts/publish.js';
import { loadConfig } from '../../src/config.js';
import type { JobState } from '../../src/jobs/job-record.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { processJob, type WorkerContext } from '../../src/worker/process-job.js';
import { RunningJobs } from '../../src/worker/running-jobs.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { trainRequest } from '../jobs/job-requests.js';

const RESULT = { loss: 0.25 };

let server: TestRedis;
let redis: Redis;
let context: WorkerContext;
let dir: string;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-process-'));
  const config = loadConfig({ DATA_DIR: dir });
  await mkdir(config.artifactsDir);
  const log = pino({ enabled: false });
  context = { store: new JobStore(redis), config, log, running: new RunningJobs() };
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true });
});

/** A job whose first attempt published and got as far as `last`; its dataset is gone, so no trainer can run it. */
async function publishAndDie(last: readonly JobState[]): Promise<string> {
  const { store, config } = context;
  const { id } = await store.create('train', trainRequest);
  for (const state of last) await store.transition(id, state, 'Test.', { attempt: 1 });
  await store.appendEvent(id, 1, 'steps', [[1, 2, 0.5, 0.1]]);
  const staging = await openStaging(config.artifactsDir, { jobId: id, attempt: 1 });
  await writeFile(join(staging, 'model.json'), '{}');
  const publication = { jobId: id, attempt: 1, kind: 'train', result: RESULT, provenance: {} } as const;
  await publishArtifacts(config.artifactsDir, publication);
  return id;
}

const run = (id: string, attempt: number) =>
  processJob(context, { id, attempt, isLast: false }, new AbortController().signal);

it('ends a job that an earlier attempt published with that result and its metrics', async () => {
  const id = await publishAndDie(['starting', 'running', 'finalizing']);
  await run(id, 2);
  const job = await context.store.get(id);
  expect(job).toMatchObject({ state: 'succeeded', result: RESULT });
  expect((await context.store.readMetrics(id)).steps).toEqual([[1, 2, 0.5, 0.1]]);
});

it('ends it too when a further attempt had started in between', async () => {
  const id = await publishAndDie(['starting', 'running', 'finalizing']);
  await context.store.transition(id, 'starting', 'Test.', { attempt: 2 });
  await run(id, 3);
  const job = await context.store.get(id);
  expect(job).toMatchObject({ state: 'succeeded', result: RESULT, attempt: 3 });
});

it('takes back what was published of a job that is being cancelled', async () => {
  const id = await publishAndDie(['starting', 'running', 'finalizing', 'cancelling']);
  // What a first attempt left when its worker was killed.
  await openStaging(context.config.artifactsDir, { jobId: id, attempt: 1 });
  await run(id, 2);
  expect((await context.store.get(id))?.state).toBe('cancelled');
  expect(await readdir(join(context.config.artifactsDir, '.staging'))).toEqual([]);
  expect(await readManifest(context.config.artifactsDir, id)).toBeNull();
});

it.each(['cancelled', 'failed'] as const)(
  'takes back what was published of a job that was %s meanwhile',
  async (end) => {
    // Held up between publishing and telling the record, while the queue gave the job up.
    class EndedMeanwhile extends JobStore {
      override async saveResult(...args: Parameters<JobStore['saveResult']>) {
        const [id, attempt] = args;
        if (end === 'cancelled') await this.transition(id, 'cancelling', 'Test.');
        await this.transition(id, end, 'Test.', { attempt });
        return super.saveResult(...args);
      }
    }
    const id = await publishAndDie(['starting', 'running', 'finalizing']);
    const attempt = { id, attempt: 2, isLast: false };
    const heldUp = { ...context, store: new EndedMeanwhile(redis) };
    await processJob(heldUp, attempt, new AbortController().signal);
    expect((await context.store.get(id))?.state).toBe(end);
    expect(await readManifest(context.config.artifactsDir, id)).toBeNull();
  },
);

it('fails a job whose dataset is gone, without another try', async () => {
  const { id } = await context.store.create('train', trainRequest);
  await expect(run(id, 1)).rejects.toThrow('dataset root');
  expect((await context.store.get(id))?.error).toMatchObject({ code: 'dataset_location', fault: 'user' });
});

it('runs nothing for a job that is over or has no record', async () => {
  const { id } = await context.store.create('train', trainRequest);
  await context.store.transition(id, 'cancelled', 'Test.');
  await run(id, 1);
  await run('0199-missing', 1);
  expect((await context.store.get(id))?.transitions.length).toBe(2);
});
