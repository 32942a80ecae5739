import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CLASS_PHOTOGRAPHS, STRANGER_PHOTOGRAPHS } from '../../src/cli/demo-photographs.js';
import { fetchPhotographs, photographFolder } from '../../src/cli/fetch-photographs.js';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'photographs-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

it('shares the cache that the set-up chooses', () => {
  const end = 'photographs/scikit-image-0.26.0-matplotlib-3.10.7';
  expect(photographFolder({ ARCQUEUE_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe(`/c/${end}`);
  expect(photographFolder({ ARCQUEUE_CACHE: '', XDG_CACHE_HOME: '/x' })).toBe(`/x/arcqueue/${end}`);
  expect(photographFolder({})).toMatch(new RegExp(`/\\.cache/arcqueue/${end}$`));
});

it('notices a damaged photograph, and says in a sentence when it cannot fetch, leaving nothing behind', async () => {
  const folder = join(cache, 'kept');
  await mkdir(folder);
  const photographs = [...CLASS_PHOTOGRAPHS, ...STRANGER_PHOTOGRAPHS];
  for (const { file } of photographs) await writeFile(join(folder, file), 'half of it');
  vi.stubEnv('PATH', cache);
  await expect(fetchPhotographs(folder)).rejects.toThrow(/Could not start python3 to download scikit-image/);
  expect(await readdir(cache)).toEqual(['kept']);
});

it('clears what a download killed long ago has left, and nothing of one at work', async () => {
  for (const [name, age] of [['kept.part-old', 7200] as const, ['kept.part-new', 60] as const]) {
    await mkdir(join(cache, name));
    const at = new Date(Date.now() - 1000 * age);
    await utimes(join(cache, name), at, at);
  }
  vi.stubEnv('PATH', cache);
  await expect(fetchPhotographs(join(cache, 'kept'))).rejects.toThrow();
  expect(await readdir(cache)).toEqual(['kept.part-new']);
});

it('lists twelve classes and four strangers, each picture once, all CC0 or public domain', () => {
  const photographs = [...CLASS_PHOTOGRAPHS, ...STRANGER_PHOTOGRAPHS];
  expect(CLASS_PHOTOGRAPHS).toHaveLength(12);
  expect(STRANGER_PHOTOGRAPHS).toHaveLength(4);
  expect(new Set(photographs.map(({ name }) => name)).size).toBe(photographs.length);
  expect(new Set(photographs.map(({ sha256 }) => sha256)).size).toBe(photographs.length);
  expect(photographs.filter(({ terms }) => terms !== 'CC0' && terms !== 'public domain')).toEqual([]);
});
