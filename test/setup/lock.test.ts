import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from '../../scripts/setup/lock.mjs';

let folder: string;
let lockFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcqueue-lock-'));
  lockFile = join(folder, 'engine.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The number of a process that has ended. */
function deadProcess(): number {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  return pid;
}

it('lets one holder work at a time, and the next one after it', async () => {
  const events: string[] = [];
  const first = withLock(lockFile, async () => {
    events.push('first starts');
    await sleep(400);
    events.push('first ends');
  });
  const second = withLock(
    lockFile,
    async () => void events.push('second starts'),
    () => events.push('second waits'),
  );
  await Promise.all([first, second]);
  expect(events).toEqual(['first starts', 'second waits', 'first ends', 'second starts']);
  expect(existsSync(lockFile)).toBe(false);
});

it('is released when the work fails', async () => {
  await expect(withLock(lockFile, () => Promise.reject(new Error('no network')))).rejects.toThrow(
    'no network',
  );
  expect(existsSync(lockFile)).toBe(false);
});

it('takes over the lock of a process that is dead', async () => {
  writeFileSync(lockFile, JSON.stringify({ pid: deadProcess(), host: hostname(), at: Date.now() }));
  let waited = false;
  const result = await withLock(
    lockFile,
    async () => 'worked',
    () => {
      waited = true;
    },
  );
  expect(result).toBe('worked');
  expect(waited).toBe(false);
});

it('takes over a lock that was not renewed for a minute, though a process of that number lives', async () => {
  writeFileSync(lockFile, JSON.stringify({ pid: process.pid, host: 'another-machine', at: 0 }));
  const longAgo = new Date(Date.now() - 61_000);
  utimesSync(lockFile, longAgo, longAgo);
  expect(await withLock(lockFile, async () => 'worked')).toBe('worked');
});

it('waits for a fresh lock of another machine, whose processes cannot be seen from here', async () => {
  writeFileSync(lockFile, JSON.stringify({ pid: deadProcess(), host: 'another-machine', at: Date.now() }));
  let waited = false;
  const working = withLock(
    lockFile,
    async () => waited,
    () => {
      waited = true;
    },
  );
  await sleep(300);
  rmSync(lockFile);
  expect(await working).toBe(true);
});
