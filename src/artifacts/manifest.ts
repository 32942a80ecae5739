import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_FORMAT = 'arcqueue-artifacts/1';

export type ArtifactFile = {
  /** Path within the folder, with forward slashes. */
  readonly name: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
};

/** What a published folder holds, and what it came from. */
export type Manifest = {
  readonly format: typeof MANIFEST_FORMAT;
  readonly jobId: string;
  /** Whose job it was. */
  readonly owner?: string;
  readonly kind: 'train' | 'evaluate' | 'inspect';
  readonly attempt: number;
  readonly publishedAt: string;
  readonly files: readonly ArtifactFile[];
  /** What the job's record shows as its result; kept here so that it outlives a worker that dies after publishing. */
  readonly result: Readonly<Record<string, unknown>>;
  /** Dataset hash, versions, device. */
  readonly provenance: Readonly<Record<string, unknown>>;
};

/** Ids are UUIDs; anything else is no folder of ours and never becomes part of a path. */
const ID = /^[A-Za-z0-9-]{1,64}$/;

/** Where a job's artifacts are published. @throws Error for an id that could leave the folder */
export function artifactsOf(artifactsDir: string, jobId: string): string {
  if (!ID.test(jobId)) throw new Error(`expected a job id of letters, digits and hyphens; found "${jobId}"`);
  return join(artifactsDir, jobId);
}

/** The manifest of a job's published artifacts, or null where none are. */
export async function readManifest(artifactsDir: string, jobId: string): Promise<Manifest | null> {
  if (!ID.test(jobId)) return null;
  try {
    return JSON.parse(
      await readFile(join(artifactsOf(artifactsDir, jobId), MANIFEST_FILE), 'utf8'),
    ) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
