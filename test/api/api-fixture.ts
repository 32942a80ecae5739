import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import pino from 'pino';
import type { Api } from '../../src/api/api-context.js';
import { buildApp } from '../../src/api/app.js';
import { connectForRequests } from '../../src/api/redis-connection.js';
import { JobQueue } from '../../src/jobs/job-queue.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';

/** The API on a real Redis, with a data folder of its own that holds the dataset folder demo/train and demo/test. */
export type ApiFixture = {
  readonly app: Api;
  readonly server: TestRedis;
  readonly redis: Redis;
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly datasetRoot: string;
  readonly artifactsDir: string;
  stop(): Promise<void>;
};

export async function startApiFixture(): Promise<ApiFixture> {
  const server = await startRedis();
  const logger = pino({ enabled: false });
  const redis = connectForRequests(server.url, logger);
  await once(redis, 'ready');
  const dir = await mkdtemp(join(tmpdir(), 'arcqueue-api-'));
  const datasetRoot = join(dir, 'datasets');
  const artifactsDir = join(dir, 'artifacts');
  await mkdir(join(datasetRoot, 'demo/train'), { recursive: true });
  await mkdir(join(datasetRoot, 'demo/test'), { recursive: true });
  await mkdir(artifactsDir);
  await writeFile(join(datasetRoot, 'file'), 'not a folder');
  await symlink(dir, join(datasetRoot, 'way-out'));
  const store = new JobStore(redis);
  const queue = new JobQueue(redis);
  const context = { store, queue, redis, datasetRoot, artifactsDir };
  const app = await buildApp({ ...context, logger });
  return {
    ...context,
    app,
    server,
    async stop() {
      await app.close();
      await queue.close();
      redis.disconnect();
      await server.stop();
      await rm(dir, { recursive: true });
    },
  };
}
