import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  discardCheckpoints,
  hasCheckpoints,
  openCheckpoints,
} from '../../src/artifacts/checkpoint-folder.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-checkpoints-'));
});
afterEach(() => rm(dir, { recursive: true }));

const job = (attempt: number, jobId = 'job-a') => ({ jobId, attempt });
const folders = async () => (await readdir(join(dir, '.checkpoints'))).sort();

it('a later attempt takes the checkpoints over, and an older one finds no place to write to', async () => {
  const first = await openCheckpoints(dir, job(1));
  await mkdir(join(first, 'one'));
  const third = await openCheckpoints(dir, job(3));
  expect(await readdir(third)).toEqual(['one']);
  await expect(writeFile(join(first, 'late'), '')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(openCheckpoints(dir, job(2))).rejects.toThrow('Expected attempt 2 to be the newest; found 3.');
  expect(await openCheckpoints(dir, job(3))).toBe(third);
  expect(await folders()).toEqual(['job-a-3']);
});

it('a new job begins with those of the job that it repeats, which keeps its own', async () => {
  const origin = await openCheckpoints(dir, job(2));
  await mkdir(join(origin, 'one'));
  const copy = await openCheckpoints(dir, job(1, 'job-b'), 'job-a');
  expect(await readdir(copy)).toEqual(['one']);
  expect(await folders()).toEqual(['job-a-2', 'job-b-1']);
});

it('says whether a job has whole ones, and removes them but for those of later attempts', async () => {
  expect(await hasCheckpoints(dir, 'job-a')).toBe(false);
  const folder = await openCheckpoints(dir, job(2));
  await mkdir(join(folder, '.writing-one'));
  expect(await hasCheckpoints(dir, 'job-a')).toBe(false);
  await mkdir(join(folder, 'one'));
  expect(await hasCheckpoints(dir, 'job-a')).toBe(true);
  await discardCheckpoints(dir, job(1));
  expect(await hasCheckpoints(dir, 'job-a')).toBe(true);
  await discardCheckpoints(dir, job(2));
  expect(await folders()).toEqual([]);
});

it('refuses an id that could leave the folder', async () => {
  await expect(openCheckpoints(dir, job(1, '../x'))).rejects.toThrow('expected a job id');
});
