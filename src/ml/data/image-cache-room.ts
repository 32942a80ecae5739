import { randomUUID } from 'node:crypto';
import { readdir, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE_FILE } from './image-cache-file.js';

/** A mark of use, and an unfinished file, that nobody has touched for this long belong to a process that is gone. */
const ABANDONED_AFTER_MS = 10 * 60_000;
const TOUCH_EVERY_MS = 30_000;

export type ImageCacheSettings = {
  readonly dir: string;
  /** All files of the cache together are kept below this; 0 turns the cache off. */
  readonly maxBytes: number;
};

type Entry = { readonly name: string; readonly bytes: number; readonly touchedMs: number };

/**
 * Removes what killed processes left, and then the files that were used the longest time ago, until there is room for another. One that a
 * process has marked as in use stays.
 * @returns why there is no room; null when there is
 */
export async function makeRoom({ dir, maxBytes }: ImageCacheSettings, bytes: number): Promise<string | null> {
  const entries = await listEntries(dir);
  const isFresh = ({ touchedMs }: Entry) => Date.now() - touchedMs < ABANDONED_AFTER_MS;
  const isFile = ({ name }: Entry) => CACHE_FILE.test(name);
  for (const entry of entries) if (!isFile(entry) && !isFresh(entry)) await remove(dir, entry);
  const kept = entries.filter((entry) => isFile(entry) || isFresh(entry));
  const inUse = new Set(kept.flatMap(({ name }) => usedFile(name) ?? []));
  let total = kept.reduce((sum, entry) => sum + entry.bytes, 0);
  const unused = kept.filter((entry) => isFile(entry) && !inUse.has(entry.name));
  for (const entry of unused.sort((a, b) => a.touchedMs - b.touchedMs)) {
    if (total + bytes <= maxBytes) break;
    await remove(dir, entry);
    total -= entry.bytes;
  }
  if (total + bytes > maxBytes) {
    return `${bytes} bytes are needed beside ${total} in use, of ${maxBytes} that the cache may take`;
  }
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize < bytes ? `${bytes} bytes are needed, and ${bavail * bsize} are free` : null;
}

/**
 * Marks a file as in use, and as the last one used. The mark is a file beside it that is touched as long as the process lives, so it
 * counts between machines that share the folder.
 * @returns what takes the mark away
 */
export async function markInUse(dir: string, name: string): Promise<() => Promise<void>> {
  const mark = join(dir, `${name}.${randomUUID()}.use`);
  await writeFile(mark, '');
  const now = new Date();
  await utimes(join(dir, name), now, now);
  const touch = setInterval(() => {
    const time = new Date();
    utimes(mark, time, time).catch(() => {});
  }, TOUCH_EVERY_MS);
  touch.unref();
  return async () => {
    clearInterval(touch);
    await rm(mark, { force: true });
  };
}

/** The file that a mark is about. */
function usedFile(name: string): string | null {
  return /^(.+\.pixels)\.[0-9a-f-]+\.use$/.exec(name)?.[1] ?? null;
}

async function listEntries(dir: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await readdir(dir)) {
    if (!/\.(pixels|use|partial)$/.test(name)) continue;
    // Another process may have removed it meanwhile.
    const found = await stat(join(dir, name)).catch(() => null);
    if (found !== null) entries.push({ name, bytes: found.size, touchedMs: found.mtimeMs });
  }
  return entries;
}

async function remove(dir: string, { name }: Entry): Promise<void> {
  await rm(join(dir, name), { force: true });
}
