import { realpath, stat } from 'node:fs/promises';
import { extname, isAbsolute, join, sep, win32 } from 'node:path';

/** A dataset location that was refused. Neither text names a path of the server: both may go to a client. */
export class DatasetLocationError extends Error {
  override readonly name = 'DatasetLocationError';

  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`Expected ${expected}, found ${found}.`);
  }
}

/** Endings of the files that are a dataset of their own. */
const DATASET_FILES = ['.csv', '.jsonl', '.rec', '.tar'];
const EXPECTED =
  'a folder under the dataset root, or a file of it that ends in ' +
  `${DATASET_FILES.join(', ')}, written as a relative path such as "demo/train"`;

/**
 * The real path of the dataset folder, or dataset file, that `location` names under `root`. A location that is absolute, steps up with
 * `..`, or leads out of the root through a link is refused, and so is one that is missing or neither folder nor
 * dataset file.
 * @throws DatasetLocationError
 */
export async function resolveDataset(root: string, location: string): Promise<string> {
  assertPlainRelative(location);
  const realRoot = await realpath(root).catch(toMissing(location));
  const folder = await realpath(join(realRoot, location)).catch(toMissing(location));
  if (!folder.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep)) {
    throw new DatasetLocationError(EXPECTED, `"${location}", a link that leads out of it`);
  }
  const info = await stat(folder);
  if (info.isDirectory()) return folder;
  if (info.isFile() && DATASET_FILES.includes(extname(folder).toLowerCase())) return folder;
  throw new DatasetLocationError(EXPECTED, `"${location}", which is neither`);
}

function assertPlainRelative(location: string): void {
  if (isAbsolute(location) || win32.isAbsolute(location)) {
    throw new DatasetLocationError(EXPECTED, `the absolute path "${location}"`);
  }
  const segments = location.replace(/\/$/, '').split(/[/\\]/);
  const odd = segments.find((segment) => segment === '' || segment === '.' || segment === '..');
  if (odd !== undefined) throw new DatasetLocationError(EXPECTED, `"${location}", with the segment "${odd}"`);
  if (location.includes('\0')) throw new DatasetLocationError(EXPECTED, 'a path with a NUL character');
}

function toMissing(location: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const reason = REASONS.get(error.code ?? '');
    if (reason === undefined) throw error;
    throw new DatasetLocationError(EXPECTED, `"${location}", ${reason}`);
  };
}

const REASONS = new Map([
  ['ENOENT', 'which does not exist'],
  ['ENOTDIR', 'which leads through a file'],
  ['ELOOP', 'a loop of links'],
  ['ENAMETOOLONG', 'a name longer than the file system takes'],
  ['EACCES', 'which the service may not read'],
]);
