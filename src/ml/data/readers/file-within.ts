import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { MlError } from '../../ml-error.js';

/** Why a path within a dataset is no plain file of it; null when it is one. @param root its real path */
export async function whyNotFile(root: string, path: string): Promise<string | null> {
  const target = await realpath(join(root, path)).catch(() => null);
  if (target === null) return 'no such file';
  if (!target.startsWith(root + sep)) return 'a link that leads out of the dataset';
  return (await stat(target)).isFile() ? null : 'no plain file';
}

/** @throws MlError `dataset_unreadable` for a file that a dataset cannot do without */
export async function assertFileWithin(root: string, name: string): Promise<void> {
  const reason = await whyNotFile(root, name);
  if (reason === null) return;
  throw new MlError('dataset_unreadable', 'data', `Expected ${name} to be a plain file; found ${reason}.`);
}
