import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Service } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
});
afterAll(() => service.stop());

it('lets a job wait while its owner has as many running as allowed, and costs it no attempt', async () => {
  const body = { dataset: 'colours', ...QUICK, epochs: 1 };
  const ids = [await service.submit('train', body), await service.submit('train', body)];
  for (let worker = 0; worker < 2; worker++) service.startWorker({ MAX_RUNNING_JOBS: '1' });
  const jobs = [];
  for (const id of ids) jobs.push(await service.reach(id, 'succeeded'));
  const spans = jobs
    .map(({ transitions }) => ({
      start: Date.parse(transitions.find(({ state }) => state === 'starting')?.at ?? ''),
      end: Date.parse(transitions.at(-1)?.at ?? ''),
    }))
    .sort((a, b) => a.start - b.start);
  expect(spans[1]?.start).toBeGreaterThanOrEqual(spans[0]?.end ?? Number.NaN);
  expect(jobs.map(({ attempt }) => attempt)).toEqual([1, 1]);
  expect(
    jobs.map(({ transitions }) => transitions.filter(({ state }) => state === 'starting').length),
  ).toEqual([1, 1]);
});

it('ends a job that has no limit of its own at that of the service', async () => {
  await service.stopWorkers();
  service.startWorker({ MAX_RUNTIME_SECONDS: '4' });
  const id = await service.submit('train', { dataset: 'colours', ...QUICK, epochs: 10_000 });
  const { error } = await service.reach(id, 'failed');
  expect(error).toMatchObject({ code: 'deadline_exceeded' });
  expect(error?.message).toContain("the service's MAX_RUNTIME_SECONDS of 4");
});
