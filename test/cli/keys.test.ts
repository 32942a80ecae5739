import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiKeyStore } from '../../src/jobs/api-key-store.js';
import { startRedis, type TestRedis } from '../flow/redis-server.js';

let server: TestRedis;
let dataDir: string;
beforeAll(async () => {
  server = await startRedis();
  dataDir = await mkdtemp(join(tmpdir(), 'arcqueue-keys-'));
});
afterAll(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true });
});

function run(line: string, redisUrl = server.url) {
  return spawnSync(
    process.execPath,
    [resolve(import.meta.dirname, '../../dist/cli/keys.js'), ...line.split(' ')],
    {
      env: { ...process.env, REDIS_URL: redisUrl, DATA_DIR: dataDir },
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
}

it('makes a key that opens, lists it without its secret, and revokes it', async () => {
  const redis = new Redis(server.url);
  const keys = new ApiKeyStore(redis);
  const made = run('create --owner ann --scopes read,submit');
  const text = made.stdout.split('\n', 1)[0] ?? '';
  const key = await keys.verify(text);
  expect(key).toMatchObject({ owner: 'ann', scopes: ['read', 'submit'] });
  const list = run('list').stdout;
  expect(list).toContain(`${key?.id}  ann  read,submit`);
  expect(list).not.toContain(text.slice(-43));
  expect(run(`revoke ${key?.id}`).status).toBe(0);
  expect(await keys.verify(text)).toBeNull();
  redis.disconnect();
});

it.each([
  ['create --owner ann', 'Expected --scopes with any of read,submit,admin'],
  ['create --owner a:b --scopes read', 'Expected --owner with up to 64 letters'],
  ['create --owner ann --scopes read,write', 'Expected --scopes'],
  ['create --own ann', "Unknown option '--own'"],
  ['revoke 0000000000000000', 'Expected the id of a key'],
  ['erase', 'Expected create, list or revoke ID; found "erase"'],
])('refuses "%s"', (line, reason) => {
  const { status, stderr } = run(line);
  expect(status).toBe(1);
  expect(stderr).toContain(`Could not start. ${reason}`);
});

it('works on the Redis of the data folder where no other is named', () => {
  expect(run('create --owner ann --scopes admin', '').stdout).toMatch(/^arcq_[0-9a-f]{16}_[\w-]{43}\n/);
  expect(run('list', '').stdout).toContain('  ann  admin  ');
});
