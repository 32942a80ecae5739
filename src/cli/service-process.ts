import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApiClient } from './api-client.js';

const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 100;
/** Longer than the service gives itself; after it, the process is killed. */
const STOP_TIMEOUT_MS = 20_000;
const UP_MESSAGE = 'the service is up';

export type Service = { readonly url: string; readonly logFile: string; stop(): Promise<void> };

type StartOptions = {
  readonly dataDir: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly signal: AbortSignal;
  /** Called when the service ends without having been asked to. */
  readonly onLost: (error: Error) => void;
};

/**
 * Starts the service as npm start does and waits until it accepts jobs. Its log goes to a file, and tells the address.
 * @throws Error that names the log when it does not come up
 */
export async function startService({ dataDir, port, signal, onLost }: StartOptions): Promise<Service> {
  await mkdir(dataDir, { recursive: true });
  const logFile = join(dataDir, 'service.log');
  const child = spawn(process.execPath, [fileURLToPath(new URL('../main.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches the demo alone, which then stops the service in order.
    detached: true,
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: dataDir,
      DATASET_ROOT: join(dataDir, 'datasets'),
      ARTIFACT_ROOT: join(dataDir, 'artifacts'),
      LOG_LEVEL: 'info',
    },
  });
  const log = createWriteStream(logFile);
  child.stderr.pipe(log, { end: false });
  let isStopping = false;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code) => {
      resolve();
      if (!isStopping)
        onLost(new Error(`The service ended by itself with code ${code}; its log is ${logFile}.`));
    });
    child.once('error', (error) => {
      resolve();
      onLost(error);
    });
  });
  const stop = async (): Promise<void> => {
    isStopping = true;
    child.kill('SIGTERM');
    const inTime = await Promise.race([
      ended.then(() => true),
      setTimeout(STOP_TIMEOUT_MS, false, { ref: false }),
    ]);
    if (!inTime) killGroup(child);
    log.end();
  };
  try {
    const url = await readUrl(child, (line) => log.write(`${line}\n`), { signal, logFile, ended });
    await untilReady(url, signal, logFile);
    return { url, logFile, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type ReadOptions = { readonly signal: AbortSignal; readonly logFile: string; readonly ended: Promise<void> };

function readUrl(child: ChildProcess, keep: (line: string) => void, options: ReadOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    options.signal.addEventListener('abort', () => reject(options.signal.reason));
    void options.ended.then(() =>
      reject(new Error(`The service did not start; its log is ${options.logFile}.`)),
    );
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      keep(line);
      if (!line.includes(UP_MESSAGE)) return;
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) resolve(url);
    });
  });
}

async function untilReady(url: string, signal: AbortSignal, logFile: string): Promise<void> {
  const client = new ApiClient(url);
  const latest = Date.now() + READY_TIMEOUT_MS;
  while (!(await client.isReady())) {
    if (Date.now() > latest)
      throw new Error(`The service was not ready within a minute; its log is ${logFile}.`);
    await setTimeout(READY_POLL_MS, undefined, { signal });
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
