import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MlError } from '../ml-error.js';
import type { RunHooks } from '../training/training-hooks.js';
import type { TrainingState } from '../training/training-state.js';
import {
  CHECKPOINT_FILES,
  CHECKPOINT_FORMAT,
  type CheckpointIdentity,
  type CheckpointManifest,
  isCheckpointName,
  parseManifest,
} from './checkpoint-format.js';
import { type StoredState, toState } from './state-bytes.js';

export type LoadedCheckpoint = {
  /** The caller's to dispose. */
  readonly state: TrainingState;
  /** The history up to there. */
  readonly metrics: Buffer;
};

/**
 * The newest whole checkpoint of a folder; null where there is none. Broken ones are passed over, each with a line in the
 * log that says what is wrong with it.
 * @throws MlError `checkpoint_mismatch` when it is whole but of another training, or of another version of the format
 */
export async function loadCheckpoint(
  dir: string,
  expected: CheckpointIdentity,
  hooks: Pick<RunHooks, 'onLog'> = {},
): Promise<LoadedCheckpoint | null> {
  const names = (await readdir(dir).catch(toNone)).filter(isCheckpointName).sort();
  for (const name of names.reverse()) {
    const loaded = await read(join(dir, name), expected).catch((error: Error) => {
      if (error instanceof MlError) throw error;
      hooks.onLog?.('warn', `checkpoint ${name} is broken and passed over: ${error.message}`);
      return null;
    });
    if (loaded !== null) return loaded;
  }
  return null;
}

async function read(folder: string, expected: CheckpointIdentity): Promise<LoadedCheckpoint> {
  const manifest = parseManifest(await readPart(folder, CHECKPOINT_FILES.manifest));
  assertSameTraining(manifest, expected);
  const [state, tensors, metrics] = [
    await readVerified(folder, manifest, CHECKPOINT_FILES.state),
    await readVerified(folder, manifest, CHECKPOINT_FILES.tensors),
    await readVerified(folder, manifest, CHECKPOINT_FILES.metrics),
  ];
  return { state: toState(JSON.parse(state.toString()) as StoredState, tensors), metrics };
}

function assertSameTraining({ format, identity }: CheckpointManifest, expected: CheckpointIdentity): void {
  if (format !== CHECKPOINT_FORMAT) throw mismatch(`a checkpoint of format ${CHECKPOINT_FORMAT}`, format);
  if (identity.datasetHash !== expected.datasetHash) {
    throw mismatch(
      `the dataset that the checkpoint was written with, of hash ${identity.datasetHash}`,
      `the dataset changed, of hash ${expected.datasetHash}`,
    );
  }
  if (identity.requestHash !== expected.requestHash) {
    throw mismatch('a checkpoint of the same request', 'one of another request');
  }
}

function mismatch(expected: string, found: string): MlError {
  const message = `Expected ${expected}; found ${found}. The training can only begin anew.`;
  return new MlError('checkpoint_mismatch', 'data', message);
}

async function readVerified(folder: string, manifest: CheckpointManifest, name: string): Promise<Buffer> {
  const entry = manifest.files.find((file) => file.name === name);
  if (entry === undefined) throw new Error(`its manifest does not list ${name}`);
  const content = await readPart(folder, name);
  if (content.length !== entry.bytes) {
    throw new Error(`expected ${entry.bytes} bytes of ${name}, found ${content.length}`);
  }
  if (createHash('sha256').update(content).digest('hex') !== entry.sha256) {
    throw new Error(`${name} does not match its checksum`);
  }
  return content;
}

function readPart(folder: string, name: typeof CHECKPOINT_FILES.manifest): Promise<string>;
function readPart(folder: string, name: string): Promise<Buffer>;
async function readPart(folder: string, name: string): Promise<Buffer | string> {
  const encoding = name === CHECKPOINT_FILES.manifest ? 'utf8' : null;
  return readFile(join(folder, name), encoding).catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? `${name} is missing` : `${name} cannot be read: ${error.code}`);
  });
}

function toNone(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
