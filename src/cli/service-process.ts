import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApiClient } from './api-client.js';
import { crashReason } from './crash-reason.js';

const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 100;
/** Longer than the service gives itself; after it, the process is killed. */
const STOP_TIMEOUT_MS = 20_000;
/** Of what the service writes to stderr, kept to tell why it ended. */
const COMPLAINTS_LENGTH = 8192;
/** What a process wrote last can be read a little after its exit; its own children may keep the pipe open far longer. */
const LAST_WORDS_MS = 500;
const UP_MESSAGE = 'the service is up';

export type Service = { readonly url: string; stop(): Promise<void> };

type StartOptions = {
  readonly dataDir: string;
  /** As the setting PORT takes it; 0 takes a free one. */
  readonly port: string;
  readonly signal: AbortSignal;
  /** Called when the service ends without having been asked to. */
  readonly onLost: (error: Error) => void;
};

/** Where a service started on this data folder writes its log. */
export function serviceLog(dataDir: string): string {
  return join(dataDir, 'service.log');
}

/**
 * Starts the service as npm start does and waits until it accepts jobs. Its log goes to a file, and tells the address.
 * @throws Error with the service's own reason when it does not come up
 */
export async function startService({ dataDir, port, signal, onLost }: StartOptions): Promise<Service> {
  await mkdir(dataDir, { recursive: true });
  const child = spawn(process.execPath, [fileURLToPath(new URL('../main.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches the demo alone, which then stops the service in order.
    detached: true,
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: port,
      DATA_DIR: dataDir,
      DATASET_ROOT: join(dataDir, 'datasets'),
      ARTIFACT_ROOT: join(dataDir, 'artifacts'),
      LOG_LEVEL: 'info',
    },
  });
  const log = createWriteStream(serviceLog(dataDir));
  child.stderr.pipe(log, { end: false });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk).slice(-COMPLAINTS_LENGTH);
  });
  let isStopping = false;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', async (code) => {
      const closed = new Promise((done) => child.once('close', done));
      await Promise.race([closed, setTimeout(LAST_WORDS_MS, undefined, { ref: false })]);
      if (!isStopping) {
        const reason = crashReason(complaints) ?? `it was killed, or left with code ${code}`;
        onLost(new Error(`The service ended by itself: ${reason}`));
      }
      resolve();
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
    const url = await readUrl(child, (line) => log.write(`${line}\n`), { signal, ended });
    await untilReady(url, signal);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type ReadOptions = { readonly signal: AbortSignal; readonly ended: Promise<void> };

function readUrl(child: ChildProcess, keep: (line: string) => void, options: ReadOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    options.signal.addEventListener('abort', () => reject(options.signal.reason));
    void options.ended.then(() => reject(new Error('The service did not start.')));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      keep(line);
      if (!line.includes(UP_MESSAGE)) return;
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) resolve(url);
    });
  });
}

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  const client = new ApiClient(url);
  const latest = Date.now() + READY_TIMEOUT_MS;
  while (!(await client.isReady())) {
    if (Date.now() > latest) throw new Error('The service was not ready within a minute.');
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
