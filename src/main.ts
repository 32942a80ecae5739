import { type ChildProcess, fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import closeWithGrace from 'close-with-grace';
import { startApi } from './api/start-api.js';
import { type Config, describeConfig, loadConfig } from './config.js';
import { type EmbeddedRedis, startEmbeddedRedis } from './embedded-redis.js';
import { createLogger } from './logger.js';

/** Pause before a worker that died is started again, growing with each death. */
const RESTART_DELAY_MS = 1000;
const LONGEST_RESTART_DELAY_MS = 30_000;

// npm start: the API in this process, one worker as its child, and Redis too unless REDIS_URL names one.
if (process.argv.includes('--help')) {
  process.stdout.write(`Usage: npm start\n\nRuns API, one worker and Redis.\n\n${describeConfig()}`);
} else {
  await start(loadConfig());
}

async function start(config: Config): Promise<void> {
  const log = createLogger(config.logLevel, 'service');
  await mkdir(config.datasetRoot, { recursive: true });
  await mkdir(config.artifactsDir, { recursive: true });
  const embedded =
    config.redisUrl === undefined ? await startEmbeddedRedis(join(config.dataDir, 'redis')) : null;
  const redisUrl = config.redisUrl ?? (embedded as EmbeddedRedis).url;
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

function keepWorkerRunning(
  redisUrl: string,
  onExit: (code: number | null) => void,
): { stop(): Promise<void> } {
  const entry = fileURLToPath(new URL('./worker/main.js', import.meta.url));
  let isStopping = false;
  let child: ChildProcess;
  let ended: Promise<void>;
  let delayMs = RESTART_DELAY_MS;

  const run = (): void => {
    child = fork(entry, [], {
      // In a session of its own: Ctrl-C comes to it once, from here, and not from the terminal as well.
      detached: true,
      env: { ...process.env, REDIS_URL: redisUrl },
    });
    ended = new Promise((resolve) => {
      child.once('exit', async (code) => {
        resolve();
        if (isStopping) return;
        onExit(code);
        await setTimeout(delayMs);
        delayMs = Math.min(2 * delayMs, LONGEST_RESTART_DELAY_MS);
        if (!isStopping) run();
      });
    });
  };
  run();
  return {
    async stop() {
      isStopping = true;
      child.kill('SIGTERM');
      await ended;
    },
  };
}
