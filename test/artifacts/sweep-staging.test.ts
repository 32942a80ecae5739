import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sweepStaging } from '../../src/artifacts/sweep-staging.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'arcqueue-sweep-'));
});
afterEach(() => rm(root, { recursive: true }));

it('removes the folders of attempts that are not live, and nothing else', async () => {
  for (const name of ['0199-a-1', '0199-a-2', '0199-b-1', 'notes', '.staging-1']) {
    await mkdir(join(root, '.staging', name), { recursive: true });
    await writeFile(join(root, '.staging', name, 'weights.bin'), 'x');
  }
  await mkdir(join(root, '0199-c-1'));
  const asked: string[] = [];
  const removed = await sweepStaging(root, async ({ jobId, attempt }) => {
    asked.push(`${jobId} ${attempt}`);
    return (jobId === '0199-a' && attempt === 2) || jobId === '.staging';
  });
  expect(removed.sort()).toEqual(['0199-a-1', '0199-b-1']);
  expect(asked.sort()).toEqual(['.staging 1', '0199-a 1', '0199-a 2', '0199-b 1']);
  expect((await readdir(join(root, '.staging'))).sort()).toEqual(['.staging-1', '0199-a-2', 'notes']);
  expect(await readdir(root)).toContain('0199-c-1');
});

it('finds nothing to remove before the first job', async () => {
  expect(await sweepStaging(root, async () => false)).toEqual([]);
});
