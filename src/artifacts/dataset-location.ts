import type { Stats } from 'node:fs';
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

const EXPECTED_WEIGHTS =
  'a file under the dataset root that ends in .safetensors, written as a relative path such as "weights/r18.safetensors"';

/**
 * The real path of the dataset folder, or dataset file, that `location` names under `root`. A location that is absolute, steps up with
 * `..`, or leads out of the root through a link is refused, and so is one that is missing or neither folder nor
 * dataset file.
 * @throws DatasetLocationError
 */
export async function resolveDataset(root: string, location: string): Promise<string> {
  const { path, info } = await resolveUnder(root, location, EXPECTED);
  if (info.isDirectory()) return path;
  if (info.isFile() && DATASET_FILES.includes(extname(path).toLowerCase())) return path;
  throw new DatasetLocationError(EXPECTED, `"${location}", which is neither`);
}

/** Whether a location is written as that of a file of weights. */
export function isWeightsFile(location: string): boolean {
  return extname(location).toLowerCase() === '.safetensors';
}

/** As `resolveDataset`, for a file of weights. @throws DatasetLocationError */
export async function resolveWeights(root: string, location: string): Promise<string> {
  const { path, info } = await resolveUnder(root, location, EXPECTED_WEIGHTS);
  if (info.isFile() && isWeightsFile(path)) return path;
  throw new DatasetLocationError(EXPECTED_WEIGHTS, `"${location}", which is none`);
}

const EXPECTED_IMAGE =
  'an image file under the dataset root, written as a relative path such as "demo/test/anna/1.jpg"';

/** As `resolveDataset`, for one image. @throws DatasetLocationError */
export async function resolveImage(root: string, location: string): Promise<string> {
  const { path, info } = await resolveUnder(root, location, EXPECTED_IMAGE);
  if (info.isFile()) return path;
  throw new DatasetLocationError(EXPECTED_IMAGE, `"${location}", which is no file`);
}

async function resolveUnder(
  root: string,
  location: string,
  expected: string,
): Promise<{ path: string; info: Stats }> {
  assertPlainRelative(location, expected);
  const realRoot = await realpath(root).catch(toMissing(location, expected));
  const path = await realpath(join(realRoot, location)).catch(toMissing(location, expected));
  if (!path.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep)) {
    throw new DatasetLocationError(expected, `"${location}", a link that leads out of it`);
  }
  return { path, info: await stat(path) };
}

function assertPlainRelative(location: string, expected: string): void {
  if (isAbsolute(location) || win32.isAbsolute(location)) {
    throw new DatasetLocationError(expected, `the absolute path "${location}"`);
  }
  const segments = location.replace(/\/$/, '').split(/[/\\]/);
  const odd = segments.find((segment) => segment === '' || segment === '.' || segment === '..');
  if (odd !== undefined) throw new DatasetLocationError(expected, `"${location}", with the segment "${odd}"`);
  if (location.includes('\0')) throw new DatasetLocationError(expected, 'a path with a NUL character');
}

function toMissing(location: string, expected: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const reason = REASONS.get(error.code ?? '');
    if (reason === undefined) throw error;
    throw new DatasetLocationError(expected, `"${location}", ${reason}`);
  };
}

const REASONS = new Map([
  ['ENOENT', 'which does not exist'],
  ['ENOTDIR', 'which leads through a file'],
  ['ELOOP', 'a loop of links'],
  ['ENAMETOOLONG', 'a name longer than the file system takes'],
  ['EACCES', 'which the service may not read'],
]);
