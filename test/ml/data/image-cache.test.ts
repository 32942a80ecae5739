import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import type { ImageEntry } from '../../../src/ml/data/image-entry.js';
import { type InspectedImages, inspectImages } from '../../../src/ml/data/inspect-images.js';
import { folderOf, plainPng, temporaryFolder } from './image-files.js';

const SIZE = 8;
const ROW_BYTES = 3 * SIZE * SIZE;
const COUNT = 6;
const FOOTER_ROOM = 1000;

/** Six images of different colours; the fourth is none. */
async function dataset(first = 0): Promise<ImageEntry[]> {
  const files: Record<string, Uint8Array | string> = {};
  for (let i = 0; i < COUNT; i += 1)
    files[`a/${i}.png`] = i === 3 ? 'text' : await plainPng([first + i, 2 * i, 99]);
  const dir = await folderOf(files);
  return Object.keys(files).map((name) => ({ path: join(dir, name), relativePath: name, label: 0 }));
}

type Run = InspectedImages & {
  readonly pool: DecodePool;
  readonly entries: ImageEntry[];
  readonly log: string[];
};

/** What a job does: opens a pool and inspects its images. */
async function inspect(images: readonly ImageEntry[], dir: string, maxBytes = 1e6): Promise<Run> {
  const pool = await DecodePool.open({ threads: 2, imageSize: SIZE, cache: { dir, maxBytes } });
  onTestFinished(() => pool.close());
  const log: string[] = [];
  const found = await inspectImages(images, pool, { onLog: (_, message) => log.push(message) });
  const { cache } = found;
  const entries = images.map((image, row) => (cache === null ? image : { ...image, cached: { cache, row } }));
  return { ...found, pool, entries, log };
}

const readable = (entries: readonly ImageEntry[]) => entries.filter((_, i) => i !== 3);
const filesOf = async (dir: string, ending = '.pixels') =>
  (await readdir(dir)).filter((name) => name.endsWith(ending)).sort();
async function plainPixels(images: readonly ImageEntry[]): Promise<Float32Array> {
  const pool = await DecodePool.open({ threads: 1, imageSize: SIZE });
  onTestFinished(() => pool.close());
  return (await pool.decode(images, null)).pixels;
}

describe('a dataset that is seen for the first time', () => {
  it('is decoded once, and read from the cache after', async () => {
    const images = await dataset();
    const expected = await plainPixels(readable(images));
    const { pool, entries, inspected, cache } = await inspect(images, await temporaryFolder());
    expect(cache).not.toBeNull();
    expect(inspected.map(({ error }) => error === null)).toEqual([true, true, true, false, true, true]);
    // Nothing is left to decode.
    for (const { path } of images) await rm(path);
    const { pixels, failed } = await pool.decode(readable(entries), null);
    expect(failed).toEqual([]);
    expect(pixels).toEqual(expected);
  });

  it('is inspected as it is without a cache', async () => {
    const images = await dataset();
    const { inspected } = await inspect(images, await temporaryFolder());
    const pool = await DecodePool.open({ threads: 1, imageSize: SIZE });
    onTestFinished(() => pool.close());
    expect(inspected).toEqual(await pool.inspect(images));
  });
});

describe('a dataset that is in the cache', () => {
  it('is hashed and not decoded, with the same report', async () => {
    const [images, dir] = [await dataset(), await temporaryFolder()];
    const first = await inspect(images, dir);
    const decoded = vi.spyOn(DecodePool.prototype, 'inspect');
    const written = vi.spyOn(DecodePool.prototype, 'inspectInto');
    const second = await inspect(images, dir);
    expect([decoded.mock.calls.length, written.mock.calls.length]).toEqual([0, 0]);
    vi.restoreAllMocks();
    expect(second.inspected).toEqual(first.inspected);
    expect((await second.pool.decode(readable(second.entries), null)).pixels).toEqual(
      await plainPixels(readable(images)),
    );
    expect(await filesOf(dir)).toHaveLength(1);
  });

  it('is decoded anew when an image, its name, its region or the size has changed', async () => {
    const [images, dir] = [await dataset(), await temporaryFolder()];
    await inspect(images, dir);
    const region = { kind: 'box', x: 0, y: 0, width: 4, height: 4 } as const;
    for (const [i, change] of [{ relativePath: 'b/0.png' }, { region }].entries()) {
      await inspect([{ ...(images[0] as ImageEntry), ...change }, ...images.slice(1)], dir);
      expect(await filesOf(dir)).toHaveLength(2 + i);
    }
    await writeFile(images[0]?.path ?? '', await plainPng([200, 200, 200]));
    const { pool, entries } = await inspect(images, dir);
    expect(await filesOf(dir)).toHaveLength(4);
    expect((await pool.decode(entries.slice(0, 1), null)).pixels[0]).toBeCloseTo((200 - 127.5) / 127.5, 5);
    const other = await DecodePool.open({ threads: 1, imageSize: 4, cache: { dir, maxBytes: 1e6 } });
    onTestFinished(() => other.close());
    await inspectImages(images, other, {});
    expect(await filesOf(dir)).toHaveLength(5);
  });

  it.each([1, ROW_BYTES, COUNT * ROW_BYTES])(
    'is decoded anew when its file lacks %d bytes',
    async (lacking) => {
      const [images, dir] = [await dataset(), await temporaryFolder()];
      await (await inspect(images, dir)).pool.close();
      const [name = ''] = await filesOf(dir);
      const whole = await readFile(join(dir, name));
      await truncate(join(dir, name), whole.length - lacking);
      const { cache } = await inspect(images, dir);
      expect(cache).not.toBeNull();
      expect(await readFile(join(dir, name))).toEqual(whole);
    },
  );

  it('keeps the pixels of two datasets apart in one pool', async () => {
    const dir = await temporaryFolder();
    const [first, second] = [await dataset(), await dataset(100)];
    const { pool, entries } = await inspect(first, dir);
    const { cache } = await inspectImages(second, pool, {});
    const others = second.map((image, row) => ({ ...image, cached: { cache: cache as object, row } }));
    const mixed = [entries[0], others[0]] as ImageEntry[];
    const { pixels } = await pool.decode(mixed, null);
    expect([pixels[0], pixels[ROW_BYTES]]).toEqual([-1, Math.fround((100 - 127.5) / 127.5)]);
    // A pool that does not have the cache decodes.
    const stranger = await DecodePool.open({ threads: 1, imageSize: SIZE });
    onTestFinished(() => stranger.close());
    expect((await stranger.decode(mixed, null)).pixels).toEqual(pixels);
  });

  it('is read to the end by a job that has it open when its file is removed', async () => {
    const [images, dir] = [await dataset(), await temporaryFolder()];
    const { pool, entries } = await inspect(images, dir);
    for (const name of await filesOf(dir)) await rm(join(dir, name));
    for (const { path } of images) await rm(path);
    expect((await pool.decode(readable(entries), null)).failed).toEqual([]);
  });
});

describe('two jobs at the same time', () => {
  it('write the same file, and both read it', async () => {
    const [images, dir] = [await dataset(), await temporaryFolder()];
    const runs = await Promise.all([inspect(images, dir), inspect(images, dir), inspect(images, dir)]);
    const expected = await plainPixels(readable(images));
    for (const { pool, entries, cache } of runs) {
      expect(cache).not.toBeNull();
      expect((await pool.decode(readable(entries), null)).pixels).toEqual(expected);
    }
    expect([await filesOf(dir), await filesOf(dir, '.partial')]).toMatchObject([
      { length: 1 },
      { length: 0 },
    ]);
    expect(await filesOf(dir, '.use')).toHaveLength(3);
    for (const { pool } of runs) await pool.close();
    expect(await filesOf(dir, '.use')).toEqual([]);
  });
});

describe('the limit', () => {
  const room = (files: number) => files * COUNT * ROW_BYTES + FOOTER_ROOM;
  const nameOf = async (dir: string, before: readonly string[]) =>
    (await filesOf(dir)).find((name) => !before.includes(name)) ?? '';

  it('lets the file go that was used the longest time ago', async () => {
    const dir = await temporaryFolder();
    const [a, b, c] = [await dataset(0), await dataset(50), await dataset(100)];
    await (await inspect(a, dir, room(2))).pool.close();
    const first = await nameOf(dir, []);
    await (await inspect(b, dir, room(2))).pool.close();
    const second = await nameOf(dir, [first]);
    const [past, longPast] = [new Date(Date.now() - 50_000), new Date(Date.now() - 90_000)];
    await utimes(join(dir, first), longPast, longPast);
    await utimes(join(dir, second), past, past);
    // Used again: now the second one is the older.
    await (await inspect(a, dir, room(2))).pool.close();
    await (await inspect(c, dir, room(2))).pool.close();
    expect(await filesOf(dir)).toHaveLength(2);
    expect(await filesOf(dir)).toContain(first);
    expect(await filesOf(dir)).not.toContain(second);
  });

  it('never removes what a job uses; the next one goes on without, and says so', async () => {
    const dir = await temporaryFolder();
    const used = await inspect(await dataset(0), dir, room(1));
    const names = await filesOf(dir);
    const { cache, log, pool, entries } = await inspect(await dataset(50), dir, room(1));
    expect(cache).toBeNull();
    expect(log).toEqual([
      expect.stringMatching(/goes on without a cache of decoded images: 1152 bytes are needed/),
    ]);
    expect(await filesOf(dir)).toEqual(names);
    expect((await pool.decode(readable(entries), null)).failed).toEqual([]);
    await used.pool.close();
    expect((await inspect(await dataset(50), dir, room(1))).cache).not.toBeNull();
    expect(await filesOf(dir)).not.toEqual(names);
  });

  it('of 0 keeps nothing', async () => {
    const dir = await temporaryFolder();
    expect((await inspect(await dataset(), dir, 0)).cache).toBeNull();
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('what goes wrong with the cache', () => {
  it('costs the job nothing but the cache: a full disk', async () => {
    const images = await dataset();
    const pool = await DecodePool.open({ threads: 2, imageSize: SIZE });
    onTestFinished(() => pool.close());
    // The kernel's own full disk.
    const { inspected, cacheError } = await pool.inspectInto('/dev/full', images);
    expect(cacheError).toMatch(/ENOSPC/);
    expect(inspected).toEqual(await pool.inspect(images));
  });

  it('costs the job nothing but the cache: a folder that cannot be', async () => {
    const dir = join(await folderOf({ file: 'text' }), 'file');
    const { cache, inspected, log } = await inspect(await dataset(), dir);
    expect(cache).toBeNull();
    expect(inspected).toHaveLength(COUNT);
    expect(log).toEqual([expect.stringMatching(/goes on without a cache .*(EEXIST|ENOTDIR)/)]);
  });

  it('leaves nothing behind when the job is cancelled', async () => {
    const [images, dir] = [await dataset(), await temporaryFolder()];
    const pool = await DecodePool.open({ threads: 1, imageSize: SIZE, cache: { dir, maxBytes: 1e6 } });
    onTestFinished(() => pool.close());
    const stop = () => {
      throw new Error('cancelled');
    };
    await expect(inspectImages(images, pool, { onProgress: stop })).rejects.toThrow('cancelled');
    expect(await readdir(dir)).toEqual([]);
  });

  it('a job that is killed while it writes leaves no file that is used, and no rubbish for long', async () => {
    const [images, dir] = [await dataset(), await temporaryFolder()];
    const dist = pathToFileURL(join(import.meta.dirname, '../../../dist/ml/data/')).href;
    const script = `
      const { DecodePool } = await import('${dist}decode-pool.js');
      const { inspectImages } = await import('${dist}inspect-images.js');
      const pool = await DecodePool.open({ threads: 1, imageSize: ${SIZE}, cache: { dir: process.argv[2], maxBytes: 1e6 } });
      const onProgress = () => process.kill(process.pid, 'SIGKILL');
      await inspectImages(JSON.parse(process.argv[3]), pool, { onProgress });`;
    const file = join(await folderOf({ 'job.mjs': script }), 'job.mjs');
    const child = spawn(process.execPath, [file, dir, JSON.stringify(images)]);
    expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
    const [partial = ''] = await filesOf(dir, '.partial');
    expect((await stat(join(dir, partial))).size).toBe(COUNT * ROW_BYTES);
    const { pool, entries, cache } = await inspect(images, dir);
    expect(cache).not.toBeNull();
    expect((await pool.decode(readable(entries), null)).pixels).toEqual(await plainPixels(readable(images)));
    // Too young to be told from a job that runs; later it goes.
    expect(await filesOf(dir, '.partial')).toEqual([partial]);
    const past = new Date(Date.now() - 3_600_000);
    await utimes(join(dir, partial), past, past);
    await inspect(await dataset(50), dir);
    expect(await filesOf(dir, '.partial')).toEqual([]);
  });
});
