import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { expect, it } from 'vitest';
import { JobError } from '../../src/jobs/job-error.js';
import type { TrainerToWorker } from '../../src/worker/trainer-messages.js';
import { TrainerSupervisor, trainerEntry } from '../../src/worker/trainer-supervisor.js';
import { until } from '../flow/service.js';
import { evaluateRequest } from '../jobs/job-requests.js';

const BRIEF = join(import.meta.dirname, 'brief-trainer.mjs');
const STUBBORN = join(import.meta.dirname, 'stubborn-trainer.mjs');

function supervise(entry: string, datasetDir: string, silenceMs = 30_000) {
  const messages: TrainerToWorker[] = [];
  const supervisor = new TrainerSupervisor(
    {
      kind: 'evaluate',
      jobId: 'job',
      attempt: 1,
      datasetDir,
      modelDir: 'model',
      stagingDir: 'staging',
      decodeThreads: 1,
      decodedCache: { dir: '/nowhere', maxBytes: 0 },
      request: evaluateRequest('model'),
    },
    {
      entry,
      cancelGraceMs: 300,
      silenceMs,
      log: pino({ enabled: false }),
      onMessage: (message) => messages.push(message),
    },
  );
  const started = () =>
    until('the trainer to start', 5000, () => messages.some(({ type }) => type === 'started'));
  return { supervisor, messages, started };
}

function exists(pid: number | undefined): boolean {
  return existsSync(`/proc/${pid}`);
}

it('resolves with what the trainer brought, once its process is gone', async () => {
  const { supervisor, messages } = supervise(BRIEF, 'done');
  const outcome = await supervisor.outcome;
  expect(outcome).toEqual({ type: 'done', result: { answer: 42 }, provenance: { device: 'none' } });
  expect(messages.map(({ type }) => type)).toEqual(['ready', 'done']);
  expect(exists(supervisor.pid)).toBe(false);
});

it('rejects with the failure as the trainer told it', async () => {
  const error = await supervise(BRIEF, 'failed').supervisor.outcome.catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(JobError);
  expect(error).toMatchObject({ code: 'class_empty', fault: 'data', retryable: false });
});

it.each([
  ['ends without a word', 'silent', 'exit code 3'],
  ['is killed', 'waits', 'SIGKILL'],
])('calls a trainer lost that %s', async (_how, datasetDir, exit) => {
  const { supervisor, started } = supervise(BRIEF, datasetDir);
  if (datasetDir === 'waits') {
    await started();
    process.kill(supervisor.pid ?? 0, 'SIGKILL');
  }
  const error = await supervisor.outcome.catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'trainer_lost', fault: 'infrastructure', retryable: true });
  expect((error as Error).message).toContain(exit);
});

it('calls a trainer lost whose program is missing', async () => {
  const { supervisor } = supervise(join(import.meta.dirname, 'missing.mjs'), 'done');
  await expect(supervisor.outcome).rejects.toMatchObject({ code: 'trainer_lost' });
});

it('stops a trainer that listens, well before it would be killed', async () => {
  const { supervisor, messages, started } = supervise(BRIEF, 'waits');
  await started();
  const asked = performance.now();
  supervisor.cancel();
  expect(await supervisor.outcome).toEqual({ type: 'cancelled', by: 'request' });
  expect(performance.now() - asked).toBeLessThan(300);
  expect(messages.at(-1)).toEqual({ type: 'cancelled' });
});

it('kills a trainer that ignores the request and SIGTERM, within 5 s', async () => {
  const { supervisor, started } = supervise(STUBBORN, 'any');
  await started();
  const asked = performance.now();
  supervisor.cancel();
  expect(await supervisor.outcome).toEqual({ type: 'cancelled', by: 'SIGKILL' });
  const ms = performance.now() - asked;
  // SIGTERM comes after 300 ms: a shorter time would mean that it was enough, and SIGKILL untested.
  expect(ms).toBeGreaterThan(1000);
  expect(ms).toBeLessThan(5000);
  expect(exists(supervisor.pid)).toBe(false);
});

it('ends a trainer that shows no sign of life, and says so', async () => {
  const { supervisor, started } = supervise(STUBBORN, 'any', 1000);
  const failure = supervisor.outcome.catch((error: unknown) => error);
  await started();
  const error = await failure;
  expect(error).toMatchObject({ code: 'trainer_silent', fault: 'infrastructure', retryable: true });
  expect((error as Error).message).toContain('1 s');
  expect(exists(supervisor.pid)).toBe(false);
});

it('waits for as long as a trainer shows signs of life', async () => {
  const { supervisor, messages } = supervise(BRIEF, 'alive', 500);
  expect(await supervisor.outcome).toMatchObject({ type: 'done' });
  expect(messages.filter(({ type }) => type === 'alive').length).toBe(10);
});

it('has a trainer that shows signs of life by itself, and ends when its worker is gone', async () => {
  const trainer = fork(trainerEntry(), [], { serialization: 'advanced' });
  const heard: string[] = [];
  trainer.on('message', (message: TrainerToWorker) => heard.push(message.type));
  await until('signs of life', 10_000, () => heard.filter((type) => type === 'alive').length >= 2);
  expect(heard[0]).toBe('ready');
  const ended = once(trainer, 'exit', { signal: AbortSignal.timeout(2000) });
  trainer.disconnect();
  expect(await ended).toEqual([1, null]);
});

it.each(['null', '42', '[]', '{}', '{"type":null}', '{"type":"failed"}', '{"type":"steps","steps":[[1,2]]}'])(
  'ends a trainer that says %s, and lives on',
  async (json) => {
    const { supervisor, messages } = supervise(BRIEF, `garbled ${json}`);
    const error = await supervisor.outcome.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ code: 'trainer_garbled', retryable: true });
    expect(exists(supervisor.pid)).toBe(false);
    expect(messages.map(({ type }) => type)).toEqual(['ready']);
  },
);
