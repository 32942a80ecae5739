import closeWithGrace from 'close-with-grace';
import { runEntry } from '../entry.js';
import { createLogger } from '../logger.js';
import { type RunningWorker, startWorker } from './start-worker.js';

// npm run worker: takes jobs from the queue until it is told to stop.
await runEntry('npm run worker\n\nTakes jobs from the queue in Redis.', async (config) => {
  const log = createLogger(config.logLevel, 'worker');
  const redisUrl = config.redisUrl ?? 'redis://127.0.0.1:6379';
  let worker: RunningWorker | undefined;
  // Both before the first await: a worker that still waits for Redis has to end like any other.
  closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
    if (err) log.error({ err }, 'the worker stops after an error');
    await worker?.close();
  });
  // Started by `npm start`, it ends with it, even if that was killed.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  worker = await startWorker({ ...config, redisUrl }, log);
  log.info('the worker waits for jobs');
});
