import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  CHECKPOINT_FILES,
  CHECKPOINT_FORMAT,
  type CheckpointIdentity,
  type CheckpointManifest,
  checkpointName,
  isCheckpointName,
  parseManifest,
  toManifestText,
} from './checkpoint-format.js';

/** A checkpoint ready to be written; crosses to the thread that writes it. */
export type CheckpointContent = {
  /** An existing folder. One that is gone belongs to a later attempt, and nothing is written. */
  readonly dir: string;
  readonly identity: CheckpointIdentity;
  readonly epoch: number;
  readonly step: number;
  readonly isBest: boolean;
  readonly stateJson: string;
  readonly tensors: Uint8Array;
  /** The history up to here: that many bytes of this file. */
  readonly metrics: { readonly path: string; readonly bytes: number };
};

/** Checkpoints that are kept beside the best one. */
const KEPT = 2;
const HALF_WRITTEN = '.writing-';
const COPY_BYTES = 1 << 20;
type FileEntry = CheckpointManifest['files'][number];

/**
 * Writes a checkpoint: into a folder that no reader looks at, each file synced, the manifest last, then renamed and the
 * parent synced. Whenever the machine stops, a reader finds the whole checkpoint or none of it. Older ones are removed
 * afterwards, but for the last two and the best.
 * @throws the disk's error, and then leaves the older checkpoints as they were
 */
export function writeCheckpoint(content: CheckpointContent): void {
  const { dir, epoch, step, identity, isBest } = content;
  const name = checkpointName(epoch, step);
  const target = join(dir, name);
  const temporary = join(dir, `${HALF_WRITTEN}${name}`);
  // What a killed process left; a folder has one writer at a time.
  for (const left of readdirSync(dir).filter((entry) => entry.startsWith(HALF_WRITTEN))) {
    rmSync(join(dir, left), { recursive: true, force: true });
  }
  mkdirSync(temporary);
  try {
    const files = [
      writeFile(temporary, CHECKPOINT_FILES.tensors, [content.tensors]),
      writeFile(temporary, CHECKPOINT_FILES.state, [Buffer.from(content.stateJson)]),
      writeFile(temporary, CHECKPOINT_FILES.metrics, readStart(content.metrics)),
    ];
    const manifest = { format: CHECKPOINT_FORMAT, identity, epoch, step, isBest, files };
    writeFile(temporary, CHECKPOINT_FILES.manifest, [Buffer.from(toManifestText(manifest))]);
    sync(temporary);
    // One of the same place in the training is there only when it was found broken.
    rmSync(target, { recursive: true, force: true });
    renameSync(temporary, target);
    sync(dir);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  prune(dir);
}

/** Removes what is neither among the last two nor the last best one. */
function prune(dir: string): void {
  const names = readdirSync(dir).filter(isCheckpointName).sort();
  const best = names.findLast((name) => isBest(join(dir, name)));
  for (const name of names.slice(0, -KEPT)) {
    if (name !== best) rmSync(join(dir, name), { recursive: true, force: true });
  }
}

function isBest(checkpoint: string): boolean {
  try {
    return parseManifest(readFileSync(join(checkpoint, CHECKPOINT_FILES.manifest), 'utf8')).isBest;
  } catch {
    // Broken ones are no good as the best either.
    return false;
  }
}

function writeFile(folder: string, name: string, parts: Iterable<Uint8Array>): FileEntry {
  const hash = createHash('sha256');
  const file = openSync(join(folder, name), 'wx');
  let bytes = 0;
  try {
    for (const part of parts) {
      hash.update(part);
      for (let written = 0; written < part.length; ) written += writeSync(file, part, written);
      bytes += part.length;
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { name, bytes, sha256: hash.digest('hex') };
}

/** The first bytes of a file, in pieces. @throws Error when it has fewer */
function* readStart({ path, bytes }: CheckpointContent['metrics']): Generator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    for (let at = 0; at < bytes; ) {
      const piece = Buffer.alloc(Math.min(COPY_BYTES, bytes - at));
      const read = readSync(file, piece, 0, piece.length, at);
      if (read === 0) throw new Error(`expected ${bytes} bytes of metrics, found ${at}`);
      yield piece.subarray(0, read);
      at += read;
    }
  } finally {
    closeSync(file);
  }
}

function sync(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
