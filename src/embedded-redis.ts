import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { StartError } from './start-error.js';

const SERVERS = ['redis-server', 'valkey-server'] as const;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;
const PID_FILE = 'arcqueue-redis.pid';

export type EmbeddedRedis = {
  readonly url: string;
  /** Resolves when the server ends without having been asked to. */
  readonly lost: Promise<void>;
  /** Lets it write its append-only file and ends it. */
  stop(): Promise<void>;
};

/**
 * Starts a Redis of the service's own: on loopback, with an append-only file under `dir`, never evicting. One
 * that a killed service left running on the same folder is ended first.
 * @throws StartError that names what to install, or says why the server did not start
 */
export async function startEmbeddedRedis(dir: string): Promise<EmbeddedRedis> {
  const server = SERVERS.find((name) => spawnSync(name, ['--version']).status === 0);
  if (server === undefined) {
    throw new StartError(
      `Expected ${SERVERS.join(' or ')} on the PATH; install it with: apt-get install redis-server`,
    );
  }
  await mkdir(dir, { recursive: true });
  await endLeftover(join(dir, PID_FILE));
  const port = await findFreePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    dir,
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    save: '',
    'protected-mode': 'yes',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(...withParentDeathSignal(server, args), {
    // In a session of its own: Ctrl-C must not end it before the worker has handed back its job.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2000);
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = `redis://127.0.0.1:${port}`;
  await waitUntilReady(url, child, () => output);
  await writeFile(join(dir, PID_FILE), `${child.pid} ${process.pid} ${port}`);
  let isStopping = false;
  const lost = new Promise<void>((resolve) => {
    child.once('close', () => {
      if (!isStopping) resolve();
    });
  });
  return {
    url,
    lost,
    async stop() {
      isStopping = true;
      child.kill('SIGTERM');
      await Promise.race([ended, setTimeout(STOP_TIMEOUT_MS, undefined, { ref: false })]);
      child.kill('SIGKILL');
      await rm(join(dir, PID_FILE), { force: true });
    },
  };
}

/** The address of the Redis that a running service has embedded on this folder, or null. */
export async function findEmbeddedRedis(dir: string): Promise<string | null> {
  const [pid, , port] = (await readFile(join(dir, PID_FILE), 'utf8').catch(() => '')).split(' ').map(Number);
  const url = `redis://127.0.0.1:${port}`;
  return pid && port && (await answersPing(url)) ? url : null;
}

/** Where util-linux's setpriv is at hand, the kernel ends the server with the service, even after kill -9. */
function withParentDeathSignal(server: string, args: string[]): [string, string[]] {
  const hasSetpriv = spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0;
  return hasSetpriv ? ['setpriv', ['--pdeathsig', 'TERM', server, ...args]] : [server, args];
}

/** @throws StartError when the service that started it still runs, since two servers would ruin each other's file */
async function endLeftover(pidFile: string): Promise<void> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const [pid = 0, owner = 0] = text.split(' ').map(Number);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!SERVERS.some((name) => command.includes(name))) return;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  if (status.includes(`\nPPid:\t${owner}\n`)) {
    throw new StartError(
      `Expected a data folder that no other service uses; found process ${owner} using it`,
    );
  }
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(pid) && Date.now() < deadline) await setTimeout(50);
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('expected a TCP port; found none');
  return address.port;
}

/** A PING answers only once the append-only file has been read. */
async function waitUntilReady(url: string, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    if (await answersPing(url)) return;
    await setTimeout(50);
  }
  child.kill('SIGKILL');
  throw new StartError(`Expected Redis to answer within ${START_TIMEOUT_MS / 1000} s; it said:\n${output()}`);
}

async function answersPing(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  const answer = await redis.ping().catch(() => null);
  redis.disconnect();
  return answer === 'PONG';
}
