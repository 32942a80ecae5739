import { statfs } from 'node:fs/promises';
import { Problem } from './problem.js';

/**
 * Refuses a job that would find the artifact volume full.
 * @param minFreeBytes what has to be free; 0 for no matter what
 * @throws Problem 507
 */
export async function assertFreeDisk(artifactsDir: string, minFreeBytes: number): Promise<void> {
  if (minFreeBytes === 0) return;
  const volume = await statfs(artifactsDir).catch((error: NodeJS.ErrnoException) => {
    // The folder is made with the first artifact.
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (volume === null) return;
  const freeBytes = volume.bavail * volume.bsize;
  if (freeBytes >= minFreeBytes) return;
  throw new Problem(
    507,
    'disk-full',
    `Expected ${minFreeBytes} bytes free for artifacts, found ${freeBytes}; delete jobs that are no longer needed.`,
  );
}
