import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { artifactsOf, MANIFEST_FILE, readManifest } from './manifest.js';

export type OpenedArtifact = {
  readonly bytes: number;
  readonly sha256: string;
  /** Opens the content. */
  readonly stream: () => Readable;
};

/**
 * A published file by name, or null when the manifest does not name it: a name is looked up, never joined to a
 * path unseen. The manifest itself can be had too.
 */
export async function openArtifact(
  artifactsDir: string,
  jobId: string,
  name: string,
): Promise<OpenedArtifact | null> {
  const manifest = await readManifest(artifactsDir, jobId);
  if (manifest === null) return null;
  const dir = artifactsOf(artifactsDir, jobId);
  if (name === MANIFEST_FILE) {
    const content = await readFile(join(dir, MANIFEST_FILE));
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { bytes: content.byteLength, sha256, stream: () => Readable.from([content]) };
  }
  const file = manifest.files.find((candidate) => candidate.name === name);
  if (file === undefined) return null;
  return { bytes: file.bytes, sha256: file.sha256, stream: () => createReadStream(join(dir, file.name)) };
}
