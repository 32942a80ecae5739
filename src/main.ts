import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import closeWithGrace from 'close-with-grace';
import { startApi } from './api/start-api.js';
import type { Config } from './config.js';
import { type EmbeddedRedis, startEmbeddedRedis } from './embedded-redis.js';
import { runEntry } from './entry.js';
import { keepWorkerRunning } from './keep-worker.js';
import { createLogger } from './logger.js';

// npm start: the API in this process, one worker as its child, and Redis too unless REDIS_URL names one.
await runEntry('npm start\n\nRuns API, one worker and Redis.', async (config) => {
  await mkdir(config.datasetRoot, { recursive: true });
  await mkdir(config.artifactsDir, { recursive: true });
  if (config.redisUrl !== undefined) return startAround(config, config.redisUrl, null);
  const embedded = await startEmbeddedRedis(join(config.dataDir, 'redis'));
  try {
    await startAround(config, embedded.url, embedded);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
});

/** Starts API and worker on a Redis that is there, and stops all three in order when told to. */
async function startAround(config: Config, redisUrl: string, embedded: EmbeddedRedis | null): Promise<void> {
  const log = createLogger(config.logLevel, 'service');
  const api = await startApi({ ...config, redisUrl, logger: createLogger(config.logLevel, 'api') });
  const worker = keepWorkerRunning(redisUrl, (code) =>
    log.warn({ code }, 'the worker ended; it is started again'),
  );
  log.info(
    { url: api.url, docs: `${api.url}/docs`, redis: embedded ? 'embedded' : 'external' },
    'the service is up',
  );

  const closer = closeWithGrace({ delay: 15_000, logger: false }, async ({ err }) => {
    if (err) log.error({ err }, 'the service stops after an error');
    await worker.stop();
    await api.close();
    await embedded?.stop();
    log.info('the service has stopped');
  });
  void embedded?.lost.then(() => {
    log.error('the embedded Redis ended by itself');
    closer.close();
  });
}
