import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { WaitingFor } from '../../src/jobs/waiting-for.js';
import type { WorkerReport } from '../../src/jobs/worker-registry.js';
import { type JobView, Service, until } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
});
afterAll(() => service.stop());

const TRAIN = { dataset: 'colours', ...QUICK, epochs: 1 };
const alive = async () => (await service.json<{ workers: WorkerReport[] }>('/workers')).workers;
const waiting = async (id: string) =>
  ((await service.job(id)) as JobView & { waitingFor: WaitingFor }).waitingFor;
/** Who ran a job. */
const runnerOf = (job: JobView) => job.transitions.find(({ state }) => state === 'running')?.actor;

it('brings jobs to workers that have what they need, and says what the others wait for', async () => {
  const needy = await service.submit('train', { ...TRAIN, options: { requirements: { device: 'gpu' } } });
  expect((await waiting(needy)).code).toBe('any_worker');
  const small = service.startWorker({ WORKER_DEVICE: 'cpu', WORKER_MEMORY_BYTES: '1000000000' });
  const [first] = await until('a worker', 20_000, async () =>
    (await alive()).length === 1 ? alive() : null,
  );
  expect(first).toMatchObject({ device: 'cpu', memoryBytes: 1e9, job: null });
  await until('the worker to leave the job to others', 10_000, () =>
    small.log.some(({ msg, jobId }) => msg === 'the job needs another worker' && jobId === needy),
  );
  expect((await waiting(needy)).code).toBe('fitting_worker');

  // The one that this worker cannot run does not hold up the one that it can.
  const easy = await service.reach(await service.submit('train', TRAIN), 'succeeded');
  expect(runnerOf(easy)).toBe(`worker ${first?.id}`);

  // A worker that says it has a GPU gets the job; what it runs on is its own affair.
  service.startWorker({ WORKER_DEVICE: 'gpu' });
  const done = await service.reach(needy, 'succeeded');
  expect(done.attempt).toBe(1);
  expect(runnerOf(done)).not.toBe(`worker ${first?.id}`);
  const long = await service.submit('train', {
    ...{ ...TRAIN, epochs: 10_000, options: { requirements: { memoryBytes: 2e9 } } },
  });
  await service.reach(long, 'running');
  const busy = await until('the worker to show its job', 10_000, async () =>
    (await alive()).find(({ job }) => job?.id === long),
  );
  expect(busy).toMatchObject({ device: 'gpu', job: { kind: 'train', attempt: 1 } });
  await service.post(`/jobs/${long}/cancel`);
  await service.reach(long, 'cancelled');

  // One that stops signs off; one that is killed is missed within 15 s.
  await small.end('SIGKILL');
  expect((await alive()).length).toBe(2);
  await until('the killed worker to be missed', 17_000, async () => (await alive()).length === 1);
});
