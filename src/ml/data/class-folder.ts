import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { MlError } from '../ml-error.js';
import type { ImageEntry } from './image-entry.js';

/** Endings of the files that are taken for images. */
export const IMAGE_EXTENSIONS = new Set(
  ['jpg', 'jpeg', 'png', 'webp', 'tif', 'tiff', 'avif', 'pgm', 'ppm', 'pnm'].map((name) => `.${name}`),
);
/** Names that an error lists before it stops. */
const LISTED_NAMES = 5;

export type IgnoredFile = { readonly path: string; readonly reason: string };

/** A dataset of one folder per class. */
export type ClassFolder = {
  /** Sorted by UTF-16 code unit, not by a locale, so that a class has the same index on every machine. */
  readonly classNames: readonly string[];
  readonly images: readonly ImageEntry[];
  readonly ignored: readonly IgnoredFile[];
};

/**
 * Lists the images of a dataset folder without opening them. Hidden files, other files and links that lead out
 * of the dataset are listed as ignored.
 * @throws MlError `dataset_empty` when it holds no class folder, `dataset_unreadable` when a folder of it cannot be
 * read
 */
export async function scanClassFolder(dir: string): Promise<ClassFolder> {
  const root = await realpath(dir).catch(unreadable('the dataset'));
  const ignored: IgnoredFile[] = [];
  const folders: string[] = [];
  for (const entry of await readSorted(root, 'the dataset')) {
    const reason = await whyNotWithin(root, root, entry);
    if (reason !== null) ignored.push({ path: entry.name, reason });
    else if (await isDirectory(root, entry)) folders.push(entry.name);
    else ignored.push({ path: entry.name, reason: 'a file outside the class folders' });
  }
  if (folders.length === 0) {
    const found = ignored.length === 0 ? 'nothing' : `${ignored.length} other entries`;
    throw new MlError(
      'dataset_empty',
      'data',
      `Expected one folder per class in the dataset; found ${found}.`,
    );
  }
  const images: ImageEntry[] = [];
  for (const [label, className] of folders.entries()) {
    for (const entry of await readSorted(join(root, className), className)) {
      const relativePath = `${className}/${entry.name}`;
      const reason = await whyNotImage(root, join(root, className), entry);
      if (reason !== null) ignored.push({ path: relativePath, reason });
      else images.push({ path: join(root, className, entry.name), relativePath, label });
    }
  }
  return { classNames: folders, images, ignored };
}

export type TrainableExpectation = { readonly classCount?: number | undefined; readonly batchSize: number };

/**
 * Checks that images can be trained on.
 * @throws MlError `class_count_mismatch`, `too_few_classes`, `class_empty` or `dataset_too_small`
 */
export function assertTrainable(
  { classNames, images }: Pick<ClassFolder, 'classNames' | 'images'>,
  { classCount, batchSize }: TrainableExpectation,
): void {
  const found = classNames.length;
  if (classCount !== undefined && classCount !== found) {
    const message = `Expected ${classCount} classes (classCount); found ${found}.`;
    throw new MlError('class_count_mismatch', 'user', message);
  }
  if (found < 2) {
    throw new MlError('too_few_classes', 'data', `Expected at least 2 classes; found ${found}.`);
  }
  const used = new Set(images.map(({ label }) => label));
  const empty = classNames.filter((_, label) => !used.has(label));
  if (empty.length > 0) {
    const listed = empty.slice(0, LISTED_NAMES).join(', ') + (empty.length > LISTED_NAMES ? ', …' : '');
    const message = `Expected readable images of every class; found none in ${empty.length}: ${listed}.`;
    throw new MlError('class_empty', 'data', message);
  }
  if (images.length < batchSize) {
    const message = `Expected at least one batch of ${batchSize} images (batchSize); found ${images.length} readable images.`;
    throw new MlError('dataset_too_small', 'data', message);
  }
}

/** @param name of the folder, for the message: the server's path is none of the user's business */
async function readSorted(dir: string, name: string): Promise<Dirent[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(unreadable(name));
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function whyNotImage(root: string, dir: string, entry: Dirent): Promise<string | null> {
  const outside = await whyNotWithin(root, dir, entry);
  if (outside !== null) return outside;
  if (await isDirectory(dir, entry)) return 'a folder inside a class folder';
  const extension = extname(entry.name).toLowerCase();
  return IMAGE_EXTENSIONS.has(extension) ? null : `no image by its ending "${extension}"`;
}

async function whyNotWithin(root: string, dir: string, entry: Dirent): Promise<string | null> {
  if (entry.name.startsWith('.')) return 'hidden';
  if (!entry.isSymbolicLink()) return whyNotPlain(entry);
  const target = await realpath(join(dir, entry.name)).catch(() => null);
  if (target === null) return 'a link that leads nowhere';
  if (!target.startsWith(root + sep)) return 'a link that leads out of the dataset';
  return whyNotPlain(await stat(target));
}

/** Reading a pipe or a device would wait for ever. */
function whyNotPlain(entry: Dirent | Stats): string | null {
  return entry.isFile() || entry.isDirectory() ? null : 'neither a file nor a folder';
}

async function isDirectory(dir: string, entry: Dirent): Promise<boolean> {
  return entry.isSymbolicLink() ? (await stat(join(dir, entry.name))).isDirectory() : entry.isDirectory();
}

function unreadable(name: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const message = `Expected ${name} to be a readable folder; found: ${error.code ?? 'an unknown error'}.`;
    throw new MlError('dataset_unreadable', 'data', message);
  };
}
