import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { isRunning, Service, type ServiceProcess, until } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

/** Long enough to be interrupted in, short enough to be waited for. */
const JOB = { dataset: 'colours', ...QUICK, epochs: 5 };

let service: Service;
let worker: ServiceProcess;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
});
afterAll(() => service.stop());
beforeEach(() => {
  worker = service.startWorker({ LOCK_DURATION_MS: '3000' });
});
afterEach(() => worker.end('SIGKILL'));

it('takes a job over from a worker killed with -9, whose trainer ends within 2 s', async () => {
  const id = await service.submit('train', JOB);
  const pid = await worker.trainerPid(id);
  await service.reach(id, 'running');
  const killed = performance.now();
  await worker.end('SIGKILL');
  await until('the trainer to end', 2000, async () => !(await isRunning(pid)));
  console.log(`the trainer ended ${Math.round(performance.now() - killed)} ms after its worker was killed`);

  worker = service.startWorker({ LOCK_DURATION_MS: '3000' });
  const job = await service.reach(id, 'succeeded');
  expect(job.attempt).toBe(2);
  expect(job.transitions.map(({ state }) => state)).toEqual([
    'queued',
    'starting',
    'running',
    'starting',
    'running',
    'finalizing',
    'succeeded',
  ]);
});

it('hands a job back when it is told to stop, at no cost of a try, and another worker runs it', async () => {
  const id = await service.submit('train', JOB);
  const pid = await worker.trainerPid(id);
  await service.reach(id, 'running');
  const asked = performance.now();
  await worker.end('SIGTERM');
  console.log(`a worker with a running job stopped in ${Math.round(performance.now() - asked)} ms`);
  expect(performance.now() - asked).toBeLessThan(4000);
  expect(await isRunning(pid)).toBe(false);
  const waiting = await service.job(id);
  expect(waiting).toMatchObject({ state: 'queued', error: null });

  worker = service.startWorker({ LOCK_DURATION_MS: '3000' });
  expect((await service.reach(id, 'succeeded')).attempt).toBe(2);
});

it('tries a job again whose trainer is killed, and says trainer_lost when that goes on', async () => {
  const id = await service.submit('train', JOB);
  for (const attempt of [1, 2, 3]) {
    process.kill(await worker.trainerPid(id, attempt), 'SIGKILL');
  }
  const job = await service.reach(id, 'failed');
  expect(job.error).toMatchObject({ code: 'trainer_lost', fault: 'infrastructure', retryable: true });
  expect(job.error?.message).toContain('SIGKILL');
  expect(job.attempt).toBe(3);
  expect(job.transitions.filter(({ state }) => state === 'queued').length).toBe(3);
});
