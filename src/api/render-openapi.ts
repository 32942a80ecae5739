import { tmpdir } from 'node:os';
import { Redis } from 'ioredis';
import pino from 'pino';
import { JobQueue } from '../jobs/job-queue.js';
import { JobStore } from '../jobs/job-store.js';
import { buildApp } from './app.js';

/** The OpenAPI document of the routes as they are, as the text of `openapi/openapi.json`. Needs no Redis. */
export async function renderOpenApi(): Promise<string> {
  const redis = new Redis({ lazyConnect: true });
  const app = await buildApp({
    redis,
    store: new JobStore(redis),
    queue: new JobQueue(redis),
    // The routes' schemas name neither folder, and none of the routes is called.
    datasetRoot: tmpdir(),
    artifactsDir: tmpdir(),
    logger: pino({ enabled: false }),
  });
  const document = app.swagger();
  await app.close();
  redis.disconnect();
  return `${JSON.stringify(document, null, 2)}\n`;
}
