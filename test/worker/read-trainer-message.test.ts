import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobStore } from '../../src/jobs/job-store.js';
import { JobRecorder } from '../../src/worker/job-recorder.js';
import { readTrainerMessage } from '../../src/worker/read-trainer-message.js';
import type { TrainerToWorker } from '../../src/worker/trainer-messages.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';
import { trainRequest } from '../jobs/job-requests.js';

const PROGRESS = {
  epoch: 1,
  epochs: 2,
  step: 3,
  steps: 8,
  percent: 37.5,
  imagesPerSecond: 9,
  secondsLeft: null,
};
const MESSAGES: TrainerToWorker[] = [
  { type: 'ready' },
  { type: 'alive' },
  { type: 'started', device: 'cpu' },
  { type: 'progress', progress: PROGRESS, metrics: { loss: Number.NaN } },
  { type: 'steps', steps: [[1, 2, 0.5, 0.1]] },
  {
    type: 'epoch',
    epoch: { epoch: 1, step: 4, loss: 1, accuracy: 1, learningRate: 0.1, imagesPerSecond: 9 },
  },
  { type: 'guard', event: { step: 1, reason: 'loss', rateFactor: 0.5, retriesLeft: 2 } },
  { type: 'log', level: 'warn', message: 'skipped' },
  { type: 'done', result: {}, provenance: {} },
  { type: 'cancelled' },
  { type: 'failed', error: { code: 'x', fault: 'data', retryable: false, message: 'm' } },
];
const ODD: unknown[] = [
  ...[
    null,
    undefined,
    true,
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2n ** 70n,
    '',
    '\u0000',
    '💥'.repeat(3000),
  ],
  ...[
    [],
    [[]],
    {},
    { type: 'log' },
    new Map(),
    new Uint8Array(9),
    new Date(Number.NaN),
    '__proto__',
    'constructor',
  ],
];

/** mulberry32 */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** A copy with one value, at any depth, replaced or removed; or something odd as a whole. */
function mutate(value: unknown, random: (limit: number) => number): unknown {
  const entries = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (entries.length === 0 || random(6) === 0) return ODD[random(ODD.length)];
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  const name = entries[random(entries.length)] ?? '';
  if (random(5) === 0) delete copy[name];
  else copy[name] = mutate(copy[name], random);
  return copy;
}

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it.each(MESSAGES)('takes a $type as it is', (message) => {
  expect(readTrainerMessage(message)).toBe(message);
});

it('tells 50,000 mutated messages apart without an error', () => {
  const random = randomFrom(1);
  let refused = 0;
  for (let i = 0; i < 50_000; i++) {
    const message = mutate(MESSAGES[i % MESSAGES.length], random);
    if (readTrainerMessage(message) === null) refused += 1;
  }
  expect(refused).toBeGreaterThan(10_000);
  expect(refused).toBeLessThan(50_000);
});

it('records those that pass, and leaves a record that can be read', async () => {
  const store = new JobStore(redis);
  const { id } = await store.create('train', trainRequest);
  await store.transition(id, 'starting', 'A test.', { attempt: 1 });
  const recorder = new JobRecorder(store, { id, attempt: 1 }, pino({ enabled: false }));
  const random = randomFrom(2);
  for (let i = 0; i < 3000; i++) {
    const message = readTrainerMessage(mutate(MESSAGES[i % MESSAGES.length], random));
    if (message !== null) recorder.take(message);
  }
  await recorder.flush();
  expect(await store.get(id)).toMatchObject({ id, attempt: 1, state: 'running' });
  expect((await store.readMetrics(id)).steps.every((row) => row.length === 4)).toBe(true);
  let after = 0;
  for (;;) {
    const page = await store.readEvents(id, { after, limit: 500 });
    if (page === null || page.events.length === 0) break;
    after = page.events.at(-1)?.seq ?? after;
  }
  expect(after).toBeGreaterThan(100);
});
