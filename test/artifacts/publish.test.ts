import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { artifactsOf, MANIFEST_FILE, readManifest } from '../../src/artifacts/manifest.js';
import { openArtifact } from '../../src/artifacts/open-artifact.js';
import {
  discardStaging,
  openStaging,
  publishArtifacts,
  verifyArtifacts,
  withdrawArtifacts,
} from '../../src/artifacts/publish.js';

const jobId = '0199-job';
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'arcqueue-artifacts-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Stages one file a name, each with `content`, and publishes. */
async function publish(attempt: number, content: string, names = ['model.json', 'parts/weights.bin']) {
  const dir = await openStaging(root, { jobId, attempt });
  await mkdir(join(dir, 'parts'));
  for (const name of names) await writeFile(join(dir, name), content);
  const facts = { kind: 'train', result: { from: content }, provenance: { device: 'cpu' } } as const;
  return publishArtifacts(root, { jobId, attempt, ...facts });
}

it('publishes every file with its size and SHA-256, and leaves nothing staged', async () => {
  const manifest = await publish(1, 'weights');
  const sha256 = createHash('sha256').update('weights').digest('hex');
  expect(manifest.files).toEqual([
    { name: 'model.json', bytes: 7, sha256 },
    { name: 'parts/weights.bin', bytes: 7, sha256 },
  ]);
  expect(await readManifest(root, jobId)).toEqual(manifest);
  expect(manifest).toMatchObject({ jobId, attempt: 1, result: { from: 'weights' } });
  expect(await readdir(join(root, '.staging'))).toEqual([]);
  expect(await verifyArtifacts(root, manifest)).toEqual([]);
});

it('keeps the first publication of a job when a second attempt publishes too', async () => {
  const first = await publish(1, 'first');
  expect(await publish(2, 'second')).toEqual(first);
  expect(await readFile(join(artifactsOf(root, jobId), 'model.json'), 'utf8')).toBe('first');
});

it('lets one of two attempts that publish at the same time win, whole', async () => {
  const dirs = [];
  for (const attempt of [1, 2]) dirs.push(join(root, '.staging', `${jobId}-${attempt}`));
  for (const dir of dirs) {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'model.json'), dir);
  }
  const published = await Promise.all(
    [1, 2].map((attempt) =>
      publishArtifacts(root, { jobId, attempt, kind: 'train', result: { attempt }, provenance: {} }),
    ),
  );
  expect(published[0]).toEqual(published[1]);
  const winner = await readManifest(root, jobId);
  expect(published[0]).toEqual(winner);
  if (winner !== null) expect(await verifyArtifacts(root, winner)).toEqual([]);
});

it('publishes nothing where nothing was staged', async () => {
  await openStaging(root, { jobId, attempt: 1 });
  const publication = { jobId, attempt: 1, kind: 'train', result: {}, provenance: {} } as const;
  await expect(publishArtifacts(root, publication)).rejects.toThrow('found none');
  expect(await readManifest(root, jobId)).toBeNull();
});

it('tells a changed and a missing file from a whole one', async () => {
  const manifest = await publish(1, 'weights', ['a', 'b', 'c']);
  await writeFile(join(artifactsOf(root, jobId), 'a'), 'Weights');
  await rm(join(artifactsOf(root, jobId), 'b'));
  const faults = await verifyArtifacts(root, manifest);
  expect(faults.map(({ name, found }) => [name, found === 'ENOENT'])).toEqual([
    ['a', false],
    ['b', true],
  ]);
});

it('empties the staging of earlier attempts and of the same, not of a later one or of another job', async () => {
  for (const name of ['0199-job-1', '0199-job-2', '0199-job-3', '0199-job-1-1', '0199-1']) {
    await mkdir(join(root, '.staging', name), { recursive: true });
    await writeFile(join(root, '.staging', name, 'left'), '');
  }
  const dir = await openStaging(root, { jobId, attempt: 2 });
  expect(await readdir(dir)).toEqual([]);
  expect((await readdir(join(root, '.staging'))).sort()).toEqual([
    '0199-1',
    '0199-job-1-1',
    '0199-job-2',
    '0199-job-3',
  ]);
  await discardStaging(root, { jobId, attempt: 2 });
  expect(existsSync(dir)).toBe(false);
  expect(existsSync(join(root, '.staging/0199-job-3/left'))).toBe(true);
});

it('withdraws what was published, and does nothing where nothing is', async () => {
  await withdrawArtifacts(root, { jobId, attempt: 1 });
  await publish(1, 'weights');
  await withdrawArtifacts(root, { jobId, attempt: 2 });
  expect(await readManifest(root, jobId)).toBeNull();
  expect(existsSync(artifactsOf(root, jobId))).toBe(false);
  expect(await readdir(join(root, '.staging'))).toEqual([]);
});

it('opens only what the manifest names, and the manifest', async () => {
  await publish(1, 'weights');
  await writeFile(join(artifactsOf(root, jobId), 'unlisted'), 'x');
  const read = async (name: string) => {
    const opened = await openArtifact(root, jobId, name);
    return opened && Buffer.concat(await opened.stream().toArray()).toString();
  };
  expect(await read('parts/weights.bin')).toBe('weights');
  expect(JSON.parse((await read(MANIFEST_FILE)) ?? '')).toMatchObject({ jobId });
  expect(await read('unlisted')).toBeNull();
  expect(await read('../0199-job/model.json')).toBeNull();
  expect(await openArtifact(root, '../etc', 'passwd')).toBeNull();
  expect(() => artifactsOf(root, '..')).toThrow('expected a job id');
});
