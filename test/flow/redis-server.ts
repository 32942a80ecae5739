import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';

/** A Redis of a test's own. `stop` ends it and resolves once nothing of it is left. */
export type TestRedis = { readonly url: string; stop(): Promise<void> };

/** Starts a real, empty Redis with the service's settings: in a container where Docker answers, else as a local process. */
export async function startRedis(): Promise<TestRedis> {
  return (await dockerAnswers()) ? startInContainer() : startLocally();
}

async function dockerAnswers(): Promise<boolean> {
  return promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], {
    timeout: 5000,
  }).then(
    () => true,
    () => false,
  );
}

async function startInContainer(): Promise<TestRedis> {
  const { GenericContainer } = await import('testcontainers');
  const container = await new GenericContainer('redis:7-alpine')
    .withCommand(['redis-server', '--maxmemory-policy', 'noeviction'])
    .withExposedPorts(6379)
    .start();
  const url = `redis://${container.getHost()}:${container.getMappedPort(6379)}`;
  return { url, stop: async () => void (await container.stop()) };
}

async function startLocally(): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'arcqueue-redis-'));
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (output += chunk));
  const url = `redis://127.0.0.1:${port}`;
  try {
    await untilItAnswers(server, url);
  } catch (error) {
    await end(server, dir);
    throw new Error(`Expected redis-server to answer at ${url}, it said: ${output}`, { cause: error });
  }
  return { url, stop: () => end(server, dir) };
}

/** Resolves at the first PING that is answered; rejects when the server cannot be started, exits, or 10 s pass. */
async function untilItAnswers(server: ChildProcess, url: string): Promise<void> {
  const probe = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  probe.on('error', () => {});
  const timeout = AbortSignal.timeout(10_000);
  try {
    await Promise.race([
      probe.ping(),
      once(server, 'exit', { signal: timeout }).then(() => {
        throw new Error('redis-server exited');
      }),
    ]);
  } finally {
    probe.disconnect();
  }
}

async function end(server: ChildProcess, dir: string): Promise<void> {
  if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
    const exited = once(server, 'exit');
    server.kill('SIGTERM');
    await exited;
  }
  await rm(dir, { recursive: true, force: true });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string')
    throw new Error(`Expected a TCP port, found ${address}.`);
  return address.port;
}
