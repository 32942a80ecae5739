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

const TRAIN = { dataset: 'colours', ...QUICK, epochs: 1 };
const startedAt = async (id: string) =>
  Date.parse((await service.job(id)).transitions.find(({ state }) => state === 'starting')?.at ?? '');

it('runs what is urgent first, what has a time not before it, and an evaluation after its training', async () => {
  const startAfter = new Date(Date.now() + 8000).toISOString();
  const later = await service.submit('train', { ...TRAIN, options: { startAfter, priority: 100 } });
  const usual = await service.submit('train', { ...TRAIN, evaluate: { dataset: 'colours' } });
  const urgent = await service.submit('train', { ...TRAIN, options: { priority: 80 } });
  service.startWorker();
  const [evaluation = ''] = (await service.job(usual)).dependants;
  const evaluated = await service.reach(evaluation, 'succeeded');
  expect(evaluated.request).toMatchObject({ model: usual });
  expect(evaluated.result).toMatchObject({ images: 24 });
  await service.reach(later, 'succeeded');
  expect(await startedAt(urgent)).toBeLessThan(await startedAt(usual));
  expect(await startedAt(later)).toBeGreaterThanOrEqual(Date.parse(startAfter));
});

it('ends a training whose time is up, and fails the evaluation that waits for it', async () => {
  const long = { ...TRAIN, epochs: 10_000, evaluate: { dataset: 'colours' } };
  const id = await service.submit('train', { ...long, options: { maxRuntimeSeconds: 4 } });
  const failed = await service.reach(id, 'failed');
  expect(failed.error).toMatchObject({ code: 'deadline_exceeded', fault: 'user', retryable: false });
  const at = (state: string) => Date.parse(failed.transitions.find((each) => each.state === state)?.at ?? '');
  expect(at('failed') - at('starting')).toBeGreaterThanOrEqual(4000);
  expect(at('failed') - at('starting')).toBeLessThan(9000);
  const evaluation = await service.reach(failed.dependants[0] ?? '', 'failed', 5000);
  expect(evaluation.error).toMatchObject({ code: 'dependency_failed', fault: 'user' });
});
