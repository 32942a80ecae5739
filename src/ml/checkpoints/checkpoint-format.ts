import { createHash } from 'node:crypto';

export const CHECKPOINT_FORMAT = 'arcqueue-checkpoint/1';
export const CHECKPOINT_FILES = {
  /** All of the state but its tensors, as JSON. */
  state: 'state.json',
  /** The tensors' values, one after the other, in the machine's byte order. */
  tensors: 'tensors.bin',
  /** The history of metrics up to here. */
  metrics: 'metrics.jsonl',
  /** Written last: what the others hold. */
  manifest: 'manifest.json',
} as const;

/** A checkpoint is for the very same training only: same images, same settings. */
export type CheckpointIdentity = { readonly datasetHash: string; readonly requestHash: string };

export type CheckpointManifest = {
  readonly format: string;
  readonly identity: CheckpointIdentity;
  /** Epoch that runs from here on, from 1, and updates so far. */
  readonly epoch: number;
  readonly step: number;
  /** Whether it was taken at the end of the best epoch so far. */
  readonly isBest: boolean;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
};

/** Where a tensor's values lie in the file. Several names may share one place. */
export type StoredTensor = {
  readonly name: string;
  readonly dtype: 'float32' | 'int32';
  readonly shape: readonly number[];
  readonly offset: number;
};

const NAME = /^\d{6}-\d{10}$/;

/** The name of a checkpoint's folder; names in alphabetical order are checkpoints in the order of the training. */
export function checkpointName(epoch: number, step: number): string {
  return `${String(epoch).padStart(6, '0')}-${String(step).padStart(10, '0')}`;
}

/** Whether a folder of this name is a checkpoint, and not one half-written. */
export function isCheckpointName(name: string): boolean {
  return NAME.test(name);
}

/** SHA-256 of a plain value, in hexadecimal; the order of keys does not matter. */
export function hashPlain(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex');
}

/** The manifest as its file holds it: with a checksum of its own, so that a flipped bit in it is noticed too. */
export function toManifestText(manifest: CheckpointManifest): string {
  return `${JSON.stringify({ ...manifest, sha256: hashPlain(manifest) })}\n`;
}

/** @throws Error that says what is wrong with the text */
export function parseManifest(text: string): CheckpointManifest {
  const { sha256, ...manifest } = JSON.parse(text) as CheckpointManifest & { sha256?: string };
  if (sha256 !== hashPlain(manifest))
    throw new Error(`${CHECKPOINT_FILES.manifest} does not match its checksum`);
  return manifest;
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
