import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InferencePool } from '../../../src/inference/inference-pool.js';
import type { InferenceTask } from '../../../src/inference/messages.js';
import { isRunning, until } from '../../flow/service.js';
import { writeFreshModel } from '../../ml/export/fresh-model.js';

const PPM = new Uint8Array([...Buffer.from('P6 1 1 255\n'), 200, 10, 20]);
let modelDir: string;
let pool: InferencePool;
beforeAll(async () => {
  modelDir = await mkdtemp(join(tmpdir(), 'arcqueue-inference-'));
  await writeFreshModel(modelDir, 'mobilefacenet');
}, 60_000);
afterAll(() => rm(modelDir, { recursive: true }));
afterEach(() => pool.close());

const open = (queueLimit: number) => {
  pool = new InferencePool({ processes: 1, threads: 1, queueLimit, modelsKept: 1 });
  return pool;
};
const task = (images = 1): InferenceTask => ({
  modelDir,
  flipTest: false,
  images: Array.from({ length: images }, () => ({ name: 'dot', bytes: PPM })),
});

describe('the inference pool', () => {
  it('fails the requests of a process that is killed, and answers the next with a new one', async () => {
    open(8);
    await pool.run(task());
    const [pid] = pool.pids;
    const asked = pool.run(task(64));
    process.kill(pid as number, 'SIGKILL');
    await expect(asked).rejects.toMatchObject({ code: 'inference_lost', fault: 'lost' });
    await until('the end of the process', 5000, () => pool.pids.length === 0);
    expect((await pool.run(task())).embeddings).toHaveLength(8);
    expect(pool.pids).not.toContain(pid);
  });

  it('refuses at once when too many wait, and takes a request back whose client left', async () => {
    open(2);
    await pool.run(task());
    const leaving = new AbortController();
    const first = pool.run(task(64));
    const second = pool.run(task(64), leaving.signal);
    await expect(pool.run(task())).rejects.toMatchObject({ code: 'inference_busy', fault: 'busy' });
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    expect(pool.load).toBe(1);
    const third = pool.run(task());
    await Promise.all([first, third]);
    expect(pool.load).toBe(0);
  });

  it('says what is wrong with a model, and goes on', async () => {
    open(2);
    const wrong = pool.run({ ...task(), modelDir: join(modelDir, 'nowhere') });
    await expect(wrong).rejects.toMatchObject({ code: 'model_unreadable' });
    expect((await pool.run(task())).size).toBe(8);
  });

  it('leaves no process behind', async () => {
    open(2);
    await pool.run(task());
    const [pid] = pool.pids;
    await pool.close();
    await setTimeout(50);
    expect(await isRunning(pid as number)).toBe(false);
  });
});
