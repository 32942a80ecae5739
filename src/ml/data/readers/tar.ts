import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { MlError } from '../../ml-error.js';
import { type IgnoredFile, IMAGE_EXTENSIONS } from '../class-folder.js';
import type { ByteRange, ImageEntry } from '../image-entry.js';
import type { Dataset } from './dataset.js';
import { assertFileWithin } from './file-within.js';
import { indexTar, type TarIndex } from './tar-index.js';

/** A label file is a few bytes; a longer one is none. */
const MAX_LABEL_FILE_BYTES = 64 * 1024;
const MAX_NAME = 255;

type Labelled = { readonly entry: Omit<ImageEntry, 'label'>; readonly className: string };

/**
 * A dataset in tar files, as WebDataset writes them (`key.jpg` with `key.cls` or `key.json` beside it, whose `label`, `cls` or `class`
 * counts) or as an archived class folder (`class/name.jpg`). The headers are read once, images by their place; nothing is extracted.
 * @param names of the tar files in the folder
 * @throws MlError `dataset_empty` when no image can be used
 */
export async function readTarDataset(
  dir: string,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Dataset> {
  const root = await realpath(dir);
  const found: Labelled[] = [];
  const ignored: IgnoredFile[] = [];
  for (const shard of names) {
    await assertFileWithin(root, shard);
    const path = join(root, shard);
    const file = await open(path, 'r');
    try {
      const index = await indexTar(file, shard, signal);
      ignored.push(...index.ignored);
      for (const [name, range] of index.files) {
        const extension = posix.extname(name).toLowerCase();
        if (LABEL_ENDINGS.includes(extension)) continue;
        const relativePath = `${shard}/${name}`;
        const className = IMAGE_EXTENSIONS.has(extension)
          ? await classOf(file, index, name)
          : new Unlabelled(`no image by its ending "${extension}"`);
        if (typeof className === 'string') found.push({ entry: { path, range, relativePath }, className });
        else ignored.push({ path: relativePath, reason: className.reason });
      }
    } finally {
      await file.close();
    }
  }
  if (found.length === 0) {
    const first = ignored[0] === undefined ? 'none' : `${ignored[0].path}: ${ignored[0].reason}`;
    throw new MlError(
      'dataset_empty',
      'data',
      `Expected images with a class in ${names[0]}; found ${first}.`,
    );
  }
  const classNames = [...new Set(found.map(({ className }) => className))].sort((a, b) => (a < b ? -1 : 1));
  const labels = new Map(classNames.map((className, label) => [className, label]));
  const images = found.map(({ entry, className }) => ({ ...entry, label: labels.get(className) as number }));
  return { form: 'tar', classNames, images, ignored };
}

const LABEL_ENDINGS = ['.cls', '.json'];

class Unlabelled {
  constructor(readonly reason: string) {}
}

/** By the label file of the same key, else by the one folder that the image lies in. */
async function classOf(file: FileHandle, { files }: TarIndex, name: string): Promise<string | Unlabelled> {
  const folder = posix.dirname(name);
  // WebDataset's key ends at the first dot of the last part of the name.
  const key = posix.join(folder, posix.basename(name).split('.')[0] ?? '');
  const plain = files.get(`${key}.cls`);
  const json = files.get(`${key}.json`);
  if (plain === undefined && json === undefined) {
    if (folder === '.') return new Unlabelled('no .cls or .json beside it, and in no folder');
    return folder.includes('/') ? new Unlabelled('a folder inside a class folder') : folder;
  }
  const text = await readText(file, (plain ?? json) as ByteRange);
  const label = plain === undefined ? labelIn(text) : text?.trim();
  if (label !== undefined && label !== '' && label.length <= MAX_NAME && !/\p{Cc}/u.test(label)) return label;
  return new Unlabelled(`no label in its ${plain === undefined ? '.json' : '.cls'}`);
}

async function readText(file: FileHandle, { offset, length }: ByteRange): Promise<string | undefined> {
  if (length > MAX_LABEL_FILE_BYTES) return undefined;
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  return bytes.toString('utf8');
}

function labelIn(text: string | undefined): string | undefined {
  try {
    const value = JSON.parse(text ?? '') as Record<string, unknown> | null;
    const label = value?.label ?? value?.cls ?? value?.class;
    return typeof label === 'string' || typeof label === 'number' ? String(label) : undefined;
  } catch {
    return undefined;
  }
}
