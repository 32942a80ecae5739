import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { ApiKeyStore } from '../jobs/api-key-store.js';
import { JobQueue } from '../jobs/job-queue.js';
import { JobStore } from '../jobs/job-store.js';
import type { ApiContext, ApiLimits } from './api-context.js';
import { buildApp } from './app.js';
import { assertKeys } from './keys/assert-keys.js';
import type { AuthMode } from './keys/door.js';
import type { Openable } from './keys/required-scope.js';
import { startReconciling } from './reconcile-loop.js';
import { connectForRequests } from './redis-connection.js';

export type ApiOptions = ApiLimits & {
  /** As the settings have them; left out, no request is counted. */
  readonly rateLimitPerMinute?: number;
  readonly rateLimitPerAddress?: number;
  readonly redisUrl: string;
  readonly queuePrefix?: string;
  readonly datasetRoot: string;
  readonly artifactsDir: string;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** See `AppOptions`. */
  readonly bullBoard?: 'on' | 'off';
  readonly auth?: AuthMode;
  readonly openWithoutKey?: readonly Openable[];
  /** See `ApiContext`. */
  readonly heartbeatMs?: number;
  readonly logger: FastifyBaseLogger;
} & Pick<ApiContext, 'inferenceProcesses' | 'inferenceThreads' | 'inferenceQueue' | 'inferenceModels'>;

export type RunningApi = {
  /** Where it answers, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Answers what was asked, then lets go of the port and of Redis. */
  close(): Promise<void>;
};

/** How long the start waits for Redis, so that the first requests are not refused while it connects. */
const REDIS_GRACE_MS = 2000;

/**
 * Starts the API on its port. It starts without Redis too, and answers 503 until Redis does.
 * @throws StartError when it would listen beyond loopback without keys
 */
export async function startApi({
  redisUrl,
  queuePrefix,
  host,
  port,
  logger,
  rateLimitPerMinute = 0,
  rateLimitPerAddress = 0,
  ...folders
}: ApiOptions): Promise<RunningApi> {
  const redis = connectForRequests(redisUrl, logger);
  const ready = new Promise((resolve) => redis.once('ready', resolve));
  const readyOrLate = Promise.race([ready, setTimeout(REDIS_GRACE_MS, undefined, { ref: false })]);
  const store = new JobStore(redis, queuePrefix, 'client');
  const queue = new JobQueue(redis, queuePrefix);
  const app = await buildApp({
    ...folders,
    host,
    rateLimits: { perKey: rateLimitPerMinute, perAddress: rateLimitPerAddress },
    ...(queuePrefix === undefined ? {} : { queuePrefix }),
    store,
    queue,
    redis,
    logger,
  });
  await readyOrLate;
  const keys = new ApiKeyStore(redis, queuePrefix);
  await assertKeys({ host, mode: folders.auth ?? 'auto', keys, isKnown: redis.status === 'ready' }).catch(
    async (error: unknown) => {
      await app.close();
      await queue.close();
      redis.disconnect();
      throw error;
    },
  );
  const url = await app.listen({ host, port });
  const stopReconciling = startReconciling({ queue, store, redis, log: logger });
  return {
    url,
    async close() {
      await app.close();
      await stopReconciling();
      await queue.close();
      redis.disconnect();
    },
  };
}
