import closeWithGrace from 'close-with-grace';
import { describeConfig, loadConfig } from '../config.js';
import { createLogger } from '../logger.js';
import { startWorker } from './start-worker.js';

// npm run worker: takes jobs from the queue until it is told to stop.
if (process.argv.includes('--help')) {
  process.stdout.write(`Usage: npm run worker\n\nTakes jobs from the queue in Redis.\n\n${describeConfig()}`);
} else {
  const config = loadConfig();
  const log = createLogger(config.logLevel, 'worker');
  const redisUrl = config.redisUrl ?? 'redis://127.0.0.1:6379';
  const worker = await startWorker({ ...config, redisUrl }, log);
  log.info('the worker waits for jobs');
  // Started by `npm start`, it ends with it, even if that was killed.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
    if (err) log.error({ err }, 'the worker stops after an error');
    await worker.close();
  });
}
