import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobStore } from '../../src/jobs/job-store.js';
import { isRunning, Service, type ServiceProcess } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

const LONG = { dataset: 'colours', ...QUICK, epochs: 10_000 };

let service: Service;
let worker: ServiceProcess;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
  worker = service.startWorker();
});
afterAll(() => service.stop());

it('cancels a running and a waiting job within 5 s, with nothing left of either', async () => {
  const running = await service.submit('train', LONG);
  const waiting = await service.submit('train', LONG);
  await service.reach(running, 'running');
  const pid = await worker.trainerPid(running);
  expect(await isRunning(pid)).toBe(true);

  let asked = performance.now();
  expect((await service.post(`/jobs/${waiting}/cancel`)).status).toBe(200);
  expect((await service.job(waiting)).state).toBe('cancelled');
  expect(performance.now() - asked).toBeLessThan(5000);

  asked = performance.now();
  expect((await service.post(`/jobs/${running}/cancel`)).status).toBe(202);
  const cancelled = await service.reach(running, 'cancelled', 5000);
  console.log(`a running job was cancelled in ${Math.round(performance.now() - asked)} ms`);
  expect(cancelled.transitions.map(({ state }) => state)).toEqual([
    'queued',
    'starting',
    'running',
    'cancelling',
    'cancelled',
  ]);
  expect(await isRunning(pid)).toBe(false);
  await worker.line('done with the job', { jobId: running });
  expect(await readdir(join(service.dataDir, 'artifacts/.staging'))).toEqual([]);
  expect(existsSync(join(service.dataDir, 'artifacts', running))).toBe(false);

  // The cancelled one that waited is not run afterwards, and the worker goes on.
  const next = await service.submit('train', { dataset: 'colours', ...QUICK, epochs: 1 });
  await service.reach(next, 'succeeded');
  expect(worker.log.some(({ msg, jobId }) => msg === 'started a trainer' && jobId === waiting)).toBe(false);
});

it('cancels within 5 s a job whose trainer neither listens nor ends', async () => {
  const id = await service.submit('train', LONG);
  await service.reach(id, 'running');
  const pid = await worker.trainerPid(id);
  // As if one operation blocked for good, and SIGTERM with it: a stopped process handles neither.
  process.kill(pid, 'SIGSTOP');
  const asked = performance.now();
  await service.post(`/jobs/${id}/cancel`);
  const cancelled = await service.reach(id, 'cancelled', 5000);
  console.log(`a job whose trainer blocks was cancelled in ${Math.round(performance.now() - asked)} ms`);
  expect(cancelled.transitions.at(-1)?.cause).toContain('SIGKILL');
  expect(cancelled.transitions.map(({ actor }) => actor.split(' ')[0])).toEqual([
    'client',
    'worker',
    'worker',
    'client',
    'worker',
  ]);
  expect(await isRunning(pid)).toBe(false);
});

it('cancels a running job within 5 s though the message that asks for it is lost', async () => {
  const id = await service.submit('train', LONG);
  await service.reach(id, 'running');
  const redis = new Redis(service.redisUrl);
  // What the API writes, without what it publishes.
  const asked = await new JobStore(redis).transition(id, 'cancelling', 'Test.');
  redis.disconnect();
  expect(asked.moved).toBe(true);
  await service.reach(id, 'cancelled', 5000);
});
