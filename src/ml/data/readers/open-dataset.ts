import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { MlError } from '../../ml-error.js';
import { scanClassFolder } from '../class-folder.js';
import type { Dataset } from './dataset.js';
import { readManifestDataset } from './manifest.js';

const MANIFEST_NAMES = ['manifest.csv', 'manifest.jsonl'];

export type OpenOptions = { readonly signal?: AbortSignal | undefined };

/**
 * Lists a dataset of any form without opening its images. A file is read by its ending: `.csv` and `.jsonl` are
 * manifests. A folder with a `manifest.csv` or `manifest.jsonl` is what that lists; any other holds one folder per class.
 * @param path of the folder or file, absolute and already checked
 * @throws MlError that says what was expected and what was found; the signal's reason when aborted
 */
export async function openDataset(path: string, { signal }: OpenOptions = {}): Promise<Dataset> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code ?? 'an unknown error');
  });
  if (info.isFile()) return openFile(path, signal);
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code ?? 'an unknown error');
  });
  const manifests = MANIFEST_NAMES.filter((name) => names.includes(name));
  if (manifests.length > 1)
    throw new MlError(
      'dataset_ambiguous',
      'data',
      `Expected one manifest in the dataset; found ${manifests.join(' and ')}.`,
    );
  const [manifest] = manifests;
  if (manifest !== undefined) return readManifestDataset(join(path, manifest), signal);
  return { form: 'folders', ...(await scanClassFolder(path)) };
}

async function openFile(path: string, signal: AbortSignal | undefined): Promise<Dataset> {
  const ending = extname(path).toLowerCase();
  switch (ending) {
    case '.csv':
    case '.jsonl':
      return readManifestDataset(path, signal);
    default:
      throw new MlError(
        'dataset_unreadable',
        'data',
        `Expected a dataset file ending in .csv or .jsonl; found one ending in "${ending}".`,
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
