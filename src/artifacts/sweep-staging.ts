import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AttemptOf, parseStaging, STAGING_FOLDER } from './publish.js';

/**
 * Removes the staging folders that killed workers left behind. A worker that is still at work elsewhere keeps its
 * own: `isLive` says of an attempt whether it may. Names that no attempt has are somebody else's and stay.
 * @returns the names of the removed folders
 */
export async function sweepStaging(
  artifactsDir: string,
  isLive: (attempt: AttemptOf) => Promise<boolean>,
  folder: string = STAGING_FOLDER,
): Promise<string[]> {
  const root = join(artifactsDir, folder);
  const removed: string[] = [];
  for (const name of await readdir(root).catch(toNone)) {
    const attempt = parseStaging(name);
    if (attempt === null || (await isLive(attempt))) continue;
    await rm(join(root, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

/** Before the first job there is no staging. */
function toNone(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
