import { createHash, randomUUID } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type GalleryFace, parseFace, readFaceHeader, toFaceBytes } from './gallery-face.js';

const GALLERIES = '.galleries';
/** What is being overwritten and removed; of no gallery any longer. */
const WIPING = '.wiping';
/** What is being written; of no gallery yet. */
const WRITING = '.writing';
/** Longer than a file takes to be written; what is older was left by a process that was killed. */
const ABANDONED_MS = 60_000;
const FACE_SUFFIX = '.face';
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const MODEL_ID = /^[A-Za-z0-9-]{1,64}$/;

export type IdentitySummary = {
  readonly identity: string;
  readonly images: number;
  readonly updatedAt: string;
};

/** Where the galleries of a model lie. @throws Error for an id that could leave the folder */
export function galleriesOf(artifactsDir: string, model: string): string {
  if (!MODEL_ID.test(model)) throw new Error(`expected the id of a model; found "${model}"`);
  return join(artifactsDir, GALLERIES, model);
}

/** Where one gallery lies. @throws Error for a name that could leave the folder */
export function galleryOf(artifactsDir: string, model: string, name: string): string {
  if (!NAME.test(name)) throw new Error(`expected the name of a gallery; found "${name}"`);
  return join(galleriesOf(artifactsDir, model), name);
}

/** Names of a model's galleries. */
export async function listGalleries(artifactsDir: string, model: string): Promise<string[]> {
  return (await readdir(galleriesOf(artifactsDir, model)).catch(toNone))
    .filter((name) => NAME.test(name))
    .sort();
}

/** Files of a gallery's identities, in no order. */
export async function listFaces(galleryDir: string): Promise<string[]> {
  return (await readdir(galleryDir).catch(toNone)).filter((name) => name.endsWith(FACE_SUFFIX));
}

/** The identities of a gallery, by name; without their embeddings. */
export async function listIdentities(galleryDir: string): Promise<IdentitySummary[]> {
  const found: IdentitySummary[] = [];
  for (const name of await listFaces(galleryDir)) {
    const header = await readFaceHeader(join(galleryDir, name));
    if (header !== null) found.push(header);
  }
  return found.sort((a, b) => (a.identity < b.identity ? -1 : 1));
}

/** One identity, or null where the gallery lacks it. */
export async function readIdentity(galleryDir: string, identity: string): Promise<IdentitySummary | null> {
  return readFaceHeader(join(galleryDir, faceFile(identity)));
}

/**
 * Writes an identity in place of what the gallery had of it, in one step; the embeddings before are overwritten.
 * @returns whether the identity is new
 */
export async function writeIdentity(galleryDir: string, face: GalleryFace): Promise<boolean> {
  await mkdir(galleryDir, { recursive: true });
  const path = join(galleryDir, faceFile(face.identity));
  const fresh = join(await asideFolder(galleryDir, WRITING), randomUUID());
  await writeFile(fresh, toFaceBytes(face));
  await sync(fresh);
  // The handle keeps the old bytes within reach once the name belongs to the new ones.
  const old = await open(path, 'r+').catch(toNullIfMissing);
  await rename(fresh, path);
  await sync(galleryDir);
  if (old !== null) await overwrite(old);
  return old === null;
}

/** Removes an identity and overwrites its bytes. @returns whether there was one */
export async function deleteIdentity(galleryDir: string, identity: string): Promise<boolean> {
  return removeFrom(join(galleryDir, faceFile(identity)), await asideFolder(galleryDir, WIPING));
}

/** Removes a gallery with all identities. @returns whether there was one */
export async function deleteGallery(galleryDir: string): Promise<boolean> {
  return removeFrom(galleryDir, await asideFolder(galleryDir, WIPING));
}

/** Removes all galleries of a model that is deleted. */
export async function deleteGalleries(artifactsDir: string, model: string): Promise<void> {
  const dir = galleriesOf(artifactsDir, model);
  if ((await stat(dir).catch(() => null)) === null) return;
  const wiping = join(artifactsDir, GALLERIES, WIPING);
  await mkdir(wiping, { recursive: true });
  await removeFrom(dir, wiping);
}

/** The face of a file, or null when it is gone or none. */
export async function readFace(path: string): Promise<GalleryFace | null> {
  const bytes = await readFile(path).catch(() => null);
  return bytes === null ? null : parseFace(bytes);
}

async function removeFrom(path: string, wiping: string): Promise<boolean> {
  const doomed = join(wiping, randomUUID());
  const wasThere = await rename(path, doomed).then(toTrue, toFalseIfMissing);
  if (wasThere) await sync(dirname(path));
  // Also what processes that were killed left.
  for (const name of await readdir(wiping)) await wipe(join(wiping, name));
  const writing = join(dirname(wiping), WRITING);
  for (const name of await readdir(writing).catch(toNone)) {
    const info = await stat(join(writing, name)).catch(() => null);
    if (info !== null && Date.now() - info.mtimeMs > ABANDONED_MS) await wipe(join(writing, name));
  }
  return wasThere;
}

/** Overwrites a file with zeros, or all files of a folder, and removes it; one that somebody else removes is fine. */
async function wipe(path: string): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (info === null) return;
  if (info.isDirectory()) {
    for (const name of await readdir(path).catch(toNone)) await wipe(join(path, name));
    await rm(path, { recursive: true, force: true });
    return;
  }
  const handle = await open(path, 'r+').catch(() => null);
  if (handle !== null) await overwrite(handle);
  await rm(path, { force: true });
}

/** Overwrites a file with zeros and closes it. */
async function overwrite(handle: FileHandle): Promise<void> {
  try {
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(size), 0, size, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** On the same volume, so that a rename leads there; beside the models' folders. */
async function asideFolder(galleryDir: string, name: string): Promise<string> {
  const dir = join(dirname(dirname(galleryDir)), name);
  if (basename(dirname(dir)) !== GALLERIES)
    throw new Error(`expected a gallery's folder; found ${galleryDir}`);
  await mkdir(dir, { recursive: true });
  return dir;
}

/** Names may hold anything; their hash is a file name. */
function faceFile(identity: string): string {
  return createHash('sha256').update(identity).digest('hex') + FACE_SUFFIX;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const toTrue = () => true;

function toNullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function toFalseIfMissing(error: NodeJS.ErrnoException): boolean {
  if (error.code === 'ENOENT') return false;
  throw error;
}

function toNone(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
