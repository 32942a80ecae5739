import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { explainDiskError, SetupError } from './setup-error.mjs';

/**
 * The folder that all clones of one user share. `ARCQUEUE_CACHE` names it outright; else it follows the XDG rules.
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheFolder(env = process.env) {
  if (env.ARCQUEUE_CACHE) return env.ARCQUEUE_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'arcqueue');
}

/**
 * Creates a folder and those above it. Node's own recursive form never returns on a file system that answers ENOENT to
 * mkdir, as /proc does.
 * @param {string} folder
 */
export function makeFolder(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || existsSync(dirname(folder))) throw error;
    makeFolder(dirname(folder));
    makeFolder(folder);
  }
}

/**
 * @param {string} folder created when it is not there
 * @param {number} neededBytes
 */
export function assertFreeSpace(folder, neededBytes) {
  try {
    makeFolder(folder);
  } catch (error) {
    throw explainDiskError(error, folder);
  }
  const free = freeBytes(folder);
  if (free < neededBytes) {
    throw new SetupError(
      `The engine needs ${gigabytes(neededBytes)} free in ${folder} while it is set up and ${gigabytes(free)} are there: free some space, or set ARCQUEUE_CACHE to a folder on another disk.`,
    );
  }
}

/** @param {string} folder */
export function freeBytes(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** @param {number} bytes */
export function gigabytes(bytes) {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
