import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  DatasetLocationError,
  resolveDataset,
  resolveWeights,
} from '../../src/artifacts/dataset-location.js';

let dir: string;
let root: string;
beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'arcqueue-datasets-')));
  root = join(dir, 'datasets');
  await mkdir(join(root, 'faces/train'), { recursive: true });
  // A sibling whose path begins like the root's: a test of the prefix alone would let it pass.
  await mkdir(join(dir, 'datasets-private'));
  await symlink(join(root, 'faces'), join(root, 'inside'));
  await symlink(join(dir, 'datasets-private'), join(root, 'outside'));
  await symlink(root, join(root, 'itself'));
  for (const name of ['list.csv', 'photo.png']) await writeFile(join(root, 'faces', name), '');
  await writeFile(join(dir, 'datasets-private/list.csv'), '');
  await symlink(join(dir, 'datasets-private/list.csv'), join(root, 'outside.csv'));
  await symlink(join(root, 'loop'), join(root, 'loop'));
  await symlink(root, join(dir, 'linked-root'));
});
afterAll(() => rm(dir, { recursive: true }));

it.each([
  ['faces/train', 'faces/train'],
  ['faces/train/', 'faces/train'],
  ['inside/train', 'faces/train'],
  ['faces/list.csv', 'faces/list.csv'],
])('resolves %s', async (location, folder) => {
  expect(await resolveDataset(root, location)).toBe(join(root, folder));
});

it('resolves under a root that is itself a link', async () => {
  expect(await resolveDataset(join(dir, 'linked-root'), 'faces')).toBe(join(root, 'faces'));
});

it.each([
  'outside',
  'outside.csv',
  'faces/photo.png',
  'itself',
  'loop',
  'missing',
  '..',
  '../datasets/faces',
  'faces//train',
  '',
  '.',
  '/',
  'C:\\faces',
  'a\\..\\..',
  'a\0b',
])('refuses %j without naming a path of the server', async (location) => {
  const error = await resolveDataset(root, location).catch((refusal: unknown) => refusal);
  expect(error).toBeInstanceOf(DatasetLocationError);
  expect((error as Error).message).not.toContain(dir);
});

it('resolves a file of weights, and refuses other files, folders and links that lead out', async () => {
  await writeFile(join(root, 'faces/r18.safetensors'), '');
  await symlink(join(dir, 'datasets-private/list.csv'), join(root, 'outside.safetensors'));
  expect(await resolveWeights(root, 'faces/r18.safetensors')).toBe(join(root, 'faces/r18.safetensors'));
  for (const location of ['faces/list.csv', 'faces', 'outside.safetensors', '../r18.safetensors']) {
    await expect(resolveWeights(root, location)).rejects.toThrow(
      /a file under the dataset root that ends in/,
    );
  }
});
