import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './cache-folder.mjs';

const RENEW_MS = 2_000;
const STALE_MS = 60_000;
const POLL_MS = 250;

/**
 * Holds `lockFile` while `work` runs, and waits for another process that holds it. A lock whose process is dead, or that
 * was not renewed for a minute (its process number may mean another process by now), is taken over. It spares double
 * work only: what runs under it also survives a second holder, since results are renamed into place.
 * @template T
 * @param {string} lockFile
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once when another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(lockFile, work, onWait) {
  makeFolder(dirname(lockFile));
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), at: Date.now() });
  for (let attempt = 0; !tryCreate(lockFile, mine); attempt += 1) {
    if (isStale(lockFile)) {
      removeStale(lockFile);
      continue;
    }
    if (attempt === 0) onWait?.();
    await sleep(POLL_MS);
  }
  const renewal = setInterval(() => renew(lockFile), RENEW_MS);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    if (read(lockFile) === mine) rmSync(lockFile, { force: true });
  }
}

/**
 * Creates the lock with its content at once: a file that is linked into place is never seen empty.
 * @param {string} lockFile
 * @param {string} content
 */
function tryCreate(lockFile, content) {
  const draft = `${lockFile}.${process.pid}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @param {string} lockFile */
function isStale(lockFile) {
  const content = read(lockFile);
  if (content === undefined) return false;
  try {
    if (Date.now() - statSync(lockFile).mtimeMs > STALE_MS) return true;
    const holder = JSON.parse(content);
    return holder.host === hostname() && !isAlive(holder.pid);
  } catch (error) {
    // Unreadable content was not written by this code; a vanished file is looked at again by the caller.
    return error instanceof SyntaxError;
  }
}

/**
 * Moves the stale lock away before deleting it, and puts it back when it turns out to be a fresh one that another
 * process created in between.
 * @param {string} lockFile
 */
function removeStale(lockFile) {
  const aside = `${lockFile}.stale.${process.pid}`;
  try {
    renameSync(lockFile, aside);
    if (!isStale(aside)) linkSync(aside, lockFile);
  } catch {
    // Another process was faster.
  }
  rmSync(aside, { force: true });
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** @param {string} lockFile */
function renew(lockFile) {
  try {
    utimesSync(lockFile, new Date(), new Date());
  } catch {
    // Taken over after a long pause of this process; the results are renamed into place, so nothing is lost.
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
