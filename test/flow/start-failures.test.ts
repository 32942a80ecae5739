import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'arcqueue-start-'));
});
afterEach(() => rm(dataDir, { recursive: true, maxRetries: 5 }));

function start(entry: string, settings: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const path = resolve(import.meta.dirname, '../../dist', entry);
  return spawnSync(process.execPath, [path, ...args], {
    env: { ...process.env, DATA_DIR: dataDir, REDIS_URL: '', ...settings },
    encoding: 'utf8',
    timeout: 20_000,
  });
}

it.each(['main.js', 'api/main.js', 'worker/main.js'])(
  '%s tells all wrong settings, without a stack',
  (entry) => {
    const { status, stderr } = start(entry, { PORT: 'web', LOG_LEVEL: 'loud' });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^Could not start\. These settings are wrong:\n {2}PORT: .*\n {2}LOG_LEVEL: .*\n$/,
    );
  },
);

it.each(['main.js', 'api/main.js', 'worker/main.js'])('%s lists its settings for --help', (entry) => {
  const { status, stdout } = start(entry, { PORT: 'web' }, ['--help']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Usage: npm .*PORT.*DATA_DIR/s);
});

it('says that its port is taken, and leaves no Redis behind', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { status, stderr } = start('main.js', { PORT: String(port) });
  other.close();
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Could not start. Expected port ${port} to be free; found it in use. PORT names another; 0 takes a free one.\n`,
  );
  await expect(readFile(join(dataDir, 'redis/arcqueue-redis.pid'))).rejects.toThrow('ENOENT');
});

it('says that its data folder cannot be one', async () => {
  await writeFile(join(dataDir, 'file'), '');
  const { status, stderr } = start('main.js', { DATA_DIR: join(dataDir, 'file') });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^Could not start\. Expected to write to .*file\/datasets; found ENOTDIR\.\n$/);
});
