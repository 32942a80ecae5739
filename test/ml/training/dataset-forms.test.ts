import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runTraining } from '../../../src/ml/training/run-training.js';
import { CLASSES, writeColours } from '../../flow/tiny-dataset.js';
import { filesOf } from '../data/readers/recordio-files.js';
import { BASE } from './training-requests.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-forms-'));
  await writeColours(join(dir, 'folder'), { images: 4 });
  const images = await Promise.all(
    CLASSES.map(async (name, label) => {
      const files = (await readdir(join(dir, 'folder', name))).toSorted();
      return files.map((file) => ({ path: `${name}/${file}`, name, label }));
    }),
  ).then((perClass) => perClass.flat());

  await mkdir(join(dir, 'manifest'));
  const rows = images.map(({ path, name }) => `images/${path},${name}`);
  await writeFile(join(dir, 'manifest/manifest.csv'), `path,label\n${rows.join('\n')}\n`);
  execFileSync('cp', ['-r', join(dir, 'folder'), join(dir, 'manifest/images')]);

  await mkdir(join(dir, 'tar'));
  execFileSync('tar', [
    '--sort=name',
    '-C',
    join(dir, 'folder'),
    '-cf',
    join(dir, 'tar/shard.tar'),
    ...CLASSES,
  ]);

  await mkdir(join(dir, 'recordio'));
  const bytes = await Promise.all(images.map(({ path }) => readFile(join(dir, 'folder', path))));
  // InsightFace's form: record 0 names the identities' records, which lie behind the images.
  const ends = CLASSES.map((_, label) => images.filter((image) => image.label <= label).length);
  const identities = ends.map((end, label) => ({ labels: [1 + (ends[label - 1] ?? 0), 1 + end] }));
  const firstIdentity = 1 + images.length;
  const files = filesOf([
    { labels: [firstIdentity, firstIdentity + CLASSES.length] },
    ...images.map(({ label }, i) => ({ labels: [label], image: bytes[i] as Uint8Array })),
    ...identities,
  ]);
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, 'recordio', name), content);
});
afterAll(() => rm(dir, { recursive: true }));

/** A training without validation, whose choice depends on the images' names. */
async function lossesOf(form: string): Promise<number[]> {
  const outputDir = await mkdtemp(join(dir, 'model-'));
  const losses: number[] = [];
  const request = { ...BASE, validationFraction: 0, shuffle: false };
  const options = { datasetDir: join(dir, form), outputDir, decodeThreads: 1, request };
  await runTraining(options, { onSteps: (rows) => void losses.push(...rows.map(([, loss]) => loss)) });
  return losses;
}

it('a training of the same images gives the same losses from folders, a manifest, RecordIO and tar', async () => {
  const expected = await lossesOf('folder');
  expect(expected.length).toBeGreaterThan(2);
  for (const form of ['manifest', 'recordio', 'tar'])
    expect([form, await lossesOf(form)]).toEqual([form, expected]);
});
