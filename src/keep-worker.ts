import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Pause before a worker that died is started again, doubled with each death. */
const RESTART_DELAY_MS = 1000;
const LONGEST_RESTART_DELAY_MS = 30_000;
/** A worker that lived this long starts the pauses anew: its death is not that of the one before. */
const STEADY_MS = 60_000;

export type KeptWorker = { stop(): Promise<void> };

/**
 * Runs one worker as a child process, and another in its place when it dies.
 * @param onExit told of each death that was not asked for
 */
export function keepWorkerRunning(redisUrl: string, onExit: (code: number | null) => void): KeptWorker {
  const entry = fileURLToPath(new URL('./worker/main.js', import.meta.url));
  let isStopping = false;
  let child: ChildProcess;
  let ended: Promise<void>;
  let delayMs = RESTART_DELAY_MS;

  const run = (): void => {
    const startedAt = performance.now();
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
        if (performance.now() - startedAt > STEADY_MS) delayMs = RESTART_DELAY_MS;
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
