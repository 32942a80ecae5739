import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { listFaces, readFace } from '../artifacts/gallery-store.js';
import { MlError } from '../ml/ml-error.js';
import { type FaceRows, GalleryIndex } from './gallery-index.js';

/** Galleries that are kept in memory. */
const KEPT = 4;
/** Files that are looked at or read at a time. */
const AT_ONCE = 64;

type Known = { readonly stamps: ReadonlyMap<string, string>; readonly index: GalleryIndex };

/** Galleries in memory, brought up to date from their folders before each search: any process may change those. */
export class GalleryIndexes {
  private readonly known = new Map<string, Known>();

  /**
   * @param size of the model's embeddings
   * @throws MlError `gallery_empty`
   */
  async get(dir: string, size: number): Promise<GalleryIndex> {
    const old = this.known.get(dir);
    const stamps = await stampFaces(dir);
    if (old !== undefined && sameEntries(old.stamps, stamps)) return old.index;
    const faces: FaceRows[] = [];
    const names = [...stamps.keys()];
    for (let start = 0; start < names.length; start += AT_ONCE) {
      const page = names.slice(start, start + AT_ONCE);
      const read = await Promise.all(
        page.map(async (name) => {
          if (old?.stamps.get(name) === stamps.get(name)) {
            const kept = old?.index.rowsOf(name);
            if (kept !== undefined) return kept;
          }
          const face = await readFace(join(dir, name));
          return face === null || face.size !== size ? null : { file: name, ...face };
        }),
      );
      faces.push(...read.filter((face) => face !== null));
    }
    this.known.delete(dir);
    if (faces.length === 0) {
      const message = 'Expected a gallery with at least one identity; found none.';
      throw new MlError('gallery_empty', 'user', message);
    }
    const index = new GalleryIndex(faces, size);
    this.known.set(dir, { stamps, index });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= KEPT) break;
      this.known.delete(oldest);
    }
    return index;
  }

  /** Lets go of a gallery's embeddings. */
  forget(dir: string): void {
    for (const known of this.known.keys()) {
      if (known === dir || known.startsWith(`${dir}/`)) this.known.delete(known);
    }
  }
}

/** What tells two states of each file apart: a replaced file has another inode and another time. */
async function stampFaces(dir: string): Promise<Map<string, string>> {
  const names = await listFaces(dir);
  const stamps = new Map<string, string>();
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const page = names.slice(start, start + AT_ONCE);
    const infos = await Promise.all(
      page.map((name) => stat(join(dir, name), { bigint: true }).catch(() => null)),
    );
    for (const [i, info] of infos.entries()) {
      if (info !== null) stamps.set(page[i] as string, `${info.ino} ${info.mtimeNs} ${info.size}`);
    }
  }
  return stamps;
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, stamp] of a) if (b.get(name) !== stamp) return false;
  return true;
}
