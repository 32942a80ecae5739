import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { isRunning, Service, type ServiceProcess, until } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

/** The colours less those held out, in batches of 4: 5 steps an epoch, 25 in all. */
const JOB = { dataset: 'colours', ...QUICK, epochs: 5, batchSize: 4, checkpointEverySteps: 2 };
const STEPS = 25;

type Line = { type: string; step: number; epoch?: number; loss: number; imagesPerSecond?: number };

let service: Service;
let worker: ServiceProcess;
let whole: Awaited<ReturnType<typeof outcome>>;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
  start();
  const id = await service.submit('train', JOB);
  await service.reach(id, 'succeeded');
  whole = await outcome(id);
  await worker.end('SIGTERM');
});
afterAll(() => service.stop());
afterEach(() => worker.end('SIGKILL'));

function start(): void {
  worker = service.startWorker({ LOCK_DURATION_MS: '3000' });
}

/** What a training leaves, without what depends on the time. */
async function outcome(id: string) {
  const history = (await (await service.fetch(`/jobs/${id}/artifacts/metrics.jsonl`)).text())
    .trim()
    .split('\n');
  const lines = history.map((line) => JSON.parse(line) as Line).map(({ imagesPerSecond, ...line }) => line);
  const weights = Buffer.from(await (await service.fetch(`/jobs/${id}/artifacts/weights.bin`)).arrayBuffer());
  const { steps, epochs } = await service.json<{ steps: { rows: number[][] }; epochs: Line[] }>(
    `/jobs/${id}/metrics`,
  );
  return { lines, weights, steps: steps.rows, epochs: epochs.map(({ imagesPerSecond, ...epoch }) => epoch) };
}

async function expectSameAsWhole(id: string): Promise<void> {
  const job = await service.reach(id, 'succeeded', 60_000);
  const result = await outcome(id);
  expect(result.lines).toEqual(whole.lines);
  expect(result.steps.map(([step]) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index + 1));
  expect(result.steps).toEqual(whole.steps);
  expect(result.epochs).toEqual(whole.epochs);
  expect(result.weights.equals(whole.weights)).toBe(true);
  expect(job.error).toBeNull();
  await until('its checkpoints to be gone', 2000, async () => {
    const names = await readdir(join(service.dataDir, 'artifacts', '.checkpoints'));
    return names.every((name) => !name.startsWith(id));
  });
}

/** Waits until the second epoch is under way. */
async function reachStep(id: string, step: number): Promise<void> {
  await until(
    `step ${step} of ${id}`,
    40_000,
    async () => ((await service.job(id)).progress?.step ?? 0) >= step,
  );
}

async function resumedFrom(id: string): Promise<number[]> {
  const text = await (await service.fetch(`/jobs/${id}/events`)).text();
  return [...text.matchAll(/event: resumed\ndata: (.*)/g)].map(([, data]) => {
    const event = JSON.parse(data as string) as { data?: { step: number }; step?: number };
    return event.data?.step ?? (event.step as number);
  });
}

it('a training whose trainer is killed with -9 goes on mid-epoch, with the same losses and bit-equal weights', async () => {
  start();
  const id = await service.submit('train', JOB);
  await reachStep(id, 9);
  process.kill(await worker.trainerPid(id), 'SIGKILL');
  await expectSameAsWhole(id);
  const [step] = await resumedFrom(id);
  console.log(`killed after step 9 or later, resumed after step ${step}`);
  expect(step).toBeGreaterThanOrEqual(6);
});

it('so does one whose worker is killed with -9', async () => {
  start();
  const id = await service.submit('train', JOB);
  await reachStep(id, 9);
  await worker.end('SIGKILL');
  start();
  await expectSameAsWhole(id);
  expect((await resumedFrom(id))[0]).toBeGreaterThanOrEqual(6);
});

it('so does one whose worker is told to stop: it takes a checkpoint first, at no cost of a try', async () => {
  start();
  const rare = { ...JOB, checkpointEverySteps: undefined, checkpointEverySeconds: 3600 };
  const id = await service.submit('train', rare);
  await reachStep(id, 9);
  const pid = await worker.trainerPid(id);
  await worker.end('SIGTERM');
  expect(await isRunning(pid)).toBe(false);
  expect(await service.job(id)).toMatchObject({ state: 'queued', error: null });
  start();
  await expectSameAsWhole(id);
  expect((await resumedFrom(id))[0]).toBeGreaterThanOrEqual(9);
});

it('a training that is paused frees its worker within 5 s, and goes on with the same figures when it is resumed', async () => {
  start();
  const id = await service.submit('train', { ...JOB, checkpointEverySteps: undefined });
  await reachStep(id, 9);
  const pid = await worker.trainerPid(id);
  const asked = performance.now();
  expect((await service.post(`/jobs/${id}/pause`)).status).toBe(202);
  await service.reach(id, 'paused', 5000);
  console.log(`paused ${Math.round(performance.now() - asked)} ms after it was asked for`);
  expect(await isRunning(pid)).toBe(false);
  expect((await service.post(`/jobs/${id}/pause`)).status).toBe(200);
  // The worker is free for another job meanwhile.
  const other = await service.submit('train', { ...JOB, epochs: 1 });
  await service.reach(other, 'succeeded');
  expect((await service.job(id)).state).toBe('paused');
  expect((await service.post(`/jobs/${id}/resume`)).status).toBe(200);
  await expectSameAsWhole(id);
  expect((await resumedFrom(id))[0]).toBeGreaterThanOrEqual(9);
  expect((await service.post(`/jobs/${id}/pause`)).status).toBe(409);
  expect((await service.post(`/jobs/${id}/resume`)).status).toBe(409);
});
