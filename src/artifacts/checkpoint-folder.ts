import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactsOf } from './manifest.js';
import { type AttemptOf, parseStaging } from './publish.js';

/** Checkpoints of jobs that are not over lie here, a folder per job; they are never published. */
export const CHECKPOINT_FOLDER = '.checkpoints';

/** A later attempt has taken the job's checkpoints over. */
export class CheckpointsTaken extends Error {
  override readonly name = 'CheckpointsTaken';
}

/**
 * The folder of an attempt's checkpoints, with those of the attempt before. The attempt's number is the fence: taking the
 * folder over renames it, so that whatever an older attempt still writes finds no folder any more.
 * @param origin a job whose checkpoints a new job begins with, where it has none of its own
 * @throws CheckpointsTaken when a later attempt has it already
 */
export async function openCheckpoints(
  artifactsDir: string,
  { jobId, attempt }: AttemptOf,
  origin: string | null = null,
): Promise<string> {
  const root = join(artifactsDir, CHECKPOINT_FOLDER);
  await mkdir(root, { recursive: true });
  const target = join(root, nameOf(artifactsDir, { jobId, attempt }));
  const attempts = await attemptsOf(root, jobId);
  const newest = attempts.at(-1);
  if (newest !== undefined && newest > attempt) {
    throw new CheckpointsTaken(`Expected attempt ${attempt} to be the newest; found ${newest}.`);
  }
  if (newest === undefined) await begin(root, target, origin);
  else if (newest < attempt) await rename(join(root, `${jobId}-${newest}`), target);
  for (const older of attempts.slice(0, -1)) await remove(root, jobId, older);
  return target;
}

/** Removes a job's checkpoints, those of later attempts excepted. */
export async function discardCheckpoints(artifactsDir: string, { jobId, attempt }: AttemptOf): Promise<void> {
  const root = join(artifactsDir, CHECKPOINT_FOLDER);
  for (const each of await attemptsOf(root, jobId)) if (each <= attempt) await remove(root, jobId, each);
}

/** Whether a job has left checkpoints. */
export async function hasCheckpoints(artifactsDir: string, jobId: string): Promise<boolean> {
  const root = join(artifactsDir, CHECKPOINT_FOLDER);
  const newest = (await attemptsOf(root, jobId)).at(-1);
  if (newest === undefined) return false;
  const entries = await readdir(join(root, `${jobId}-${newest}`)).catch(toNone);
  return entries.some((name) => !name.startsWith('.'));
}

async function begin(root: string, target: string, origin: string | null): Promise<void> {
  const newest = origin === null ? undefined : (await attemptsOf(root, origin)).at(-1);
  if (newest === undefined) return mkdir(target).catch(unlessThere);
  // Copied beside first: a worker that dies over it leaves nothing that looks like the job's own.
  const copy = `${target}.copying`;
  await rm(copy, { recursive: true, force: true });
  await cp(join(root, `${origin}-${newest}`), copy, { recursive: true });
  await rename(copy, target);
}

/** A job's attempts that have a folder, in ascending order. */
async function attemptsOf(root: string, jobId: string): Promise<number[]> {
  const entries = (await readdir(root).catch(toNone)).map(parseStaging);
  const own = entries.filter((entry) => entry?.jobId === jobId) as AttemptOf[];
  return own.map(({ attempt }) => attempt).sort((a, b) => a - b);
}

function nameOf(artifactsDir: string, { jobId, attempt }: AttemptOf): string {
  // Refuses an id that could leave the folder.
  artifactsOf(artifactsDir, jobId);
  return `${jobId}-${attempt}`;
}

async function remove(root: string, jobId: string, attempt: number): Promise<void> {
  await rm(join(root, `${jobId}-${attempt}`), { recursive: true, force: true, maxRetries: 3 });
}

function toNone(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
