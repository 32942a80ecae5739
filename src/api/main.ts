import { mkdir } from 'node:fs/promises';
import closeWithGrace from 'close-with-grace';
import { runEntry } from '../entry.js';
import { createLogger } from '../logger.js';
import { startApi } from './start-api.js';

// npm run api: the HTTP API alone; Redis and workers run elsewhere.
await runEntry('npm run api\n\nServes the HTTP API.', async (config) => {
  const log = createLogger(config.logLevel, 'api');
  const redisUrl = config.redisUrl ?? 'redis://127.0.0.1:6379';
  await mkdir(config.datasetRoot, { recursive: true });
  const api = await startApi({ ...config, redisUrl, logger: log });
  closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
    if (err) log.error({ err }, 'the API stops after an error');
    await api.close();
  });
});
