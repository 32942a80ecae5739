import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  type ArtifactFile,
  artifactsOf,
  MANIFEST_FILE,
  MANIFEST_FORMAT,
  type Manifest,
  readManifest,
} from './manifest.js';

/** Unpublished work lies here, on the same volume, so that publishing is one rename. */
export const STAGING_FOLDER = '.staging';

export type AttemptOf = { readonly jobId: string; readonly attempt: number };

function stagingOf(artifactsDir: string, { jobId, attempt }: AttemptOf): string {
  return join(artifactsDir, STAGING_FOLDER, `${jobId}-${attempt}`);
}

/** The attempt whose staging folder has this name, or null for a name of another kind. */
export function parseStaging(name: string): AttemptOf | null {
  const [, jobId, attempt] = /^(.+)-(\d+)$/.exec(name) ?? [];
  return jobId === undefined ? null : { jobId, attempt: Number(attempt) };
}

/** Makes an empty folder for an attempt and removes what earlier attempts of the job left behind. */
export async function openStaging(artifactsDir: string, attempt: AttemptOf): Promise<string> {
  await discardStaging(artifactsDir, attempt);
  const dir = stagingOf(artifactsDir, attempt);
  await mkdir(dir, { recursive: true });
  return dir;
}

/** Removes the unpublished work of an attempt and of those before it; a later attempt may be at work elsewhere. */
export async function discardStaging(artifactsDir: string, { jobId, attempt }: AttemptOf): Promise<void> {
  const root = join(artifactsDir, STAGING_FOLDER);
  const entries = await readdir(root).catch(() => []);
  const own = entries.filter((entry) => {
    const staged = parseStaging(entry);
    return staged?.jobId === jobId && staged.attempt <= attempt;
  });
  await Promise.all(own.map((entry) => rm(join(root, entry), { recursive: true, force: true })));
}

/** Takes back what a job published, and what is staged up to this attempt; a reader sees all of it or nothing. */
export async function withdrawArtifacts(artifactsDir: string, attempt: AttemptOf): Promise<void> {
  const dir = stagingOf(artifactsDir, attempt);
  await mkdir(dirname(dir), { recursive: true });
  await discardStaging(artifactsDir, attempt);
  const target = artifactsOf(artifactsDir, attempt.jobId);
  try {
    await rename(target, dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await sync(dirname(target));
  await rm(dir, { recursive: true, force: true });
}

export type Publication = AttemptOf & {
  readonly owner?: string;
  readonly kind: Manifest['kind'];
  readonly result: Manifest['result'];
  readonly provenance: Manifest['provenance'];
};

/**
 * Publishes an attempt's staged files: each file hashed and synced, the manifest last, then the folder renamed
 * and its parent synced. A reader sees all of it or nothing, whenever the machine stops.
 * @returns the manifest; that of an earlier publication if the job has one, which stays untouched
 * @throws Error when nothing was staged, or the disk refuses
 */
export async function publishArtifacts(artifactsDir: string, publication: Publication): Promise<Manifest> {
  const staging = stagingOf(artifactsDir, publication);
  const target = artifactsOf(artifactsDir, publication.jobId);
  const published = await readManifest(artifactsDir, publication.jobId);
  if (published !== null) return published;
  const files: ArtifactFile[] = [];
  for (const path of await listFiles(staging)) files.push(await hashAndSync(staging, path));
  if (files.length === 0) throw new Error('expected staged files to publish; found none');
  const { jobId, owner, kind, attempt, result, provenance } = publication;
  const publishedAt = new Date().toISOString();
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    jobId,
    ...(owner === undefined ? {} : { owner }),
    kind,
    attempt,
    publishedAt,
    files,
    result,
    provenance,
  };
  const manifestPath = join(staging, MANIFEST_FILE);
  await writeFile(manifestPath, `${JSON.stringify(manifest, null, 1)}\n`);
  await sync(manifestPath);
  await sync(staging);
  try {
    await rename(staging, target);
  } catch (error) {
    // Another attempt published between the look above and now.
    const earlier = await readManifest(artifactsDir, jobId);
    if (earlier === null) throw error;
    return earlier;
  }
  await sync(dirname(target));
  return manifest;
}

/** A file that is not as its manifest says. */
export type ArtifactFault = { readonly name: string; readonly expected: string; readonly found: string };

/** Compares every published file with its manifest; an empty list means that all are whole. */
export async function verifyArtifacts(artifactsDir: string, manifest: Manifest): Promise<ArtifactFault[]> {
  const dir = artifactsOf(artifactsDir, manifest.jobId);
  const faults: ArtifactFault[] = [];
  for (const { name, sha256 } of manifest.files) {
    const found = await hashFile(join(dir, name)).catch(
      (error: NodeJS.ErrnoException) => error.code ?? 'an error',
    );
    if (found !== sha256) faults.push({ name, expected: sha256, found });
  }
  return faults;
}

async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function hashAndSync(root: string, path: string): Promise<ArtifactFile> {
  const sha256 = await hashFile(path);
  const bytes = await sync(path);
  return { name: relative(root, path).split(sep).join('/'), bytes, sha256 };
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** @returns the size in bytes */
async function sync(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}
