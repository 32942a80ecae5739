import closeWithGrace from 'close-with-grace';
import { describeConfig, loadConfig } from '../config.js';
import { createLogger } from '../logger.js';
import { startApi } from './start-api.js';

/** How long requests under way may take once the process is told to end. */
const CLOSE_DELAY_MS = 10_000;

if (process.argv.includes('--help')) {
  process.stdout.write(`The API alone. Workers and Redis run elsewhere.\n\n${describeConfig()}`);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const config = loadConfig();
  const { redisUrl, datasetRoot, artifactsDir, host, port } = config;
  if (redisUrl === undefined) {
    throw new Error('REDIS_URL: expected the URL of the Redis that the workers use too; found none');
  }
  const logger = createLogger(config.logLevel, 'api');
  const api = await startApi({ redisUrl, datasetRoot, artifactsDir, host, port, logger });
  closeWithGrace({ delay: CLOSE_DELAY_MS, logger }, async ({ err, signal }) => {
    if (err) logger.error({ err }, 'the API ends after an error');
    else logger.info({ signal }, 'the API ends');
    await api.close();
  });
}
