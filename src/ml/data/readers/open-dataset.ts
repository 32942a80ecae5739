import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { MlError } from '../../ml-error.js';
import { scanClassFolder } from '../class-folder.js';
import type { Dataset } from './dataset.js';
import { readManifestDataset } from './manifest.js';
import { readRecordDataset } from './recordio.js';
import { readTarDataset } from './tar.js';

const MANIFEST_NAMES = ['manifest.csv', 'manifest.jsonl'];
const RECORD_FILE = /\.rec$/i;
const TAR_FILE = /\.tar$/i;

export type OpenOptions = { readonly signal?: AbortSignal | undefined };

/**
 * Lists a dataset of any form without decoding its images. A file is read by its ending: `.csv` and `.jsonl` are
 * manifests, `.rec` is RecordIO, `.tar` a shard. A folder with a `manifest.csv` or `manifest.jsonl` is what that lists, one with a `.rec` what
 * that holds, and one with `.tar` files and no folders those together; any other holds one folder per class.
 * @param path of the folder or file, absolute and already checked
 * @throws MlError that says what was expected and what was found; the signal's reason when aborted
 */
export async function openDataset(path: string, { signal }: OpenOptions = {}): Promise<Dataset> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code ?? 'an unknown error');
  });
  if (info.isFile()) return openFile(path, signal);
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code ?? 'an unknown error');
  });
  const names = entries.map(({ name }) => name);
  const manifest = theOnly(
    'manifest',
    MANIFEST_NAMES.filter((name) => names.includes(name)),
  );
  if (manifest !== undefined) return readManifestDataset(join(path, manifest), signal);
  const records = theOnly('.rec file', names.filter((name) => RECORD_FILE.test(name)).sort());
  if (records !== undefined) return readRecordDataset(join(path, records), signal);
  const shards = names.filter((name) => TAR_FILE.test(name)).sort();
  // Beside class folders a tar file is a stray one.
  if (shards.length > 0 && !entries.some((entry) => entry.isDirectory()))
    return readTarDataset(path, shards, signal);
  return { form: 'folders', ...(await scanClassFolder(path)) };
}

/** @throws MlError `dataset_ambiguous` for several: the location can name the one that is meant */
function theOnly(what: string, names: readonly string[]): string | undefined {
  if (names.length <= 1) return names[0];
  const message = `Expected one ${what} in the dataset; found ${names.slice(0, 3).join(' and ')}.`;
  throw new MlError('dataset_ambiguous', 'data', message);
}

async function openFile(path: string, signal: AbortSignal | undefined): Promise<Dataset> {
  const ending = extname(path).toLowerCase();
  switch (ending) {
    case '.csv':
    case '.jsonl':
      return readManifestDataset(path, signal);
    case '.rec':
      return readRecordDataset(path, signal);
    case '.tar':
      return readTarDataset(dirname(path), [basename(path)], signal);
    default:
      throw new MlError(
        'dataset_unreadable',
        'data',
        `Expected a dataset file ending in .csv, .jsonl, .rec or .tar; found one ending in "${ending}".`,
      );
  }
}

function unreadable(found: string): MlError {
  return new MlError(
    'dataset_unreadable',
    'data',
    `Expected the dataset to be a readable folder or file; found: ${found}.`,
  );
}
