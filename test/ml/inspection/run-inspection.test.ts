import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { runInspection } from '../../../src/ml/inspection/run-inspection.js';
import type { InspectedTraining } from '../../../src/ml/inspection/training-report.js';
import type { RunHooks, RunProgress } from '../../../src/ml/training/training-hooks.js';
import { folderOf, plainPng, temporaryFolder } from '../data/image-files.js';

const TRAINING: InspectedTraining = {
  backbone: 'mobilefacenet',
  embeddingSize: 128,
  imageSize: 112,
  batchSize: 4,
  epochs: 2,
  shuffle: true,
  validationFraction: 0.25,
  seed: 1,
};

async function inspect(
  datasetDir: string,
  options: { training?: InspectedTraining; testDatasetDir?: string } = {},
  hooks: RunHooks = {},
) {
  const outputDir = await temporaryFolder();
  const { result, provenance } = await runInspection(
    { datasetDir, outputDir, decodeThreads: 2, ...options },
    hooks,
  );
  const report = JSON.parse(await readFile(join(outputDir, 'report.json'), 'utf8'));
  expect(report).toMatchObject(JSON.parse(JSON.stringify(result)));
  return { report, provenance };
}

/** Three classes of 4, 2 and 1 images; one image is broken, one is in two classes, two are the same. */
async function flawed() {
  const red = await plainPng([200, 0, 0]);
  return folderOf({
    'a/1.png': red,
    'a/2.png': red,
    'a/3.png': await plainPng([9, 9, 9], 60),
    'a/4.png': await plainPng([0, 0, 250], 300),
    'b/1.png': await plainPng([0, 200, 0]),
    'b/2.png': await plainPng([9, 9, 9], 60),
    'c/1.png': await plainPng([0, 50, 0], 500),
    'c/broken.png': 'no image',
    'c/notes.txt': 'text',
  });
}

describe('an inspection', () => {
  it('counts classes, images, sizes and colours, and lists what cannot be used', async () => {
    const { report, provenance } = await inspect(await flawed());
    expect(report.dataset).toMatchObject({
      form: 'folders',
      classes: 3,
      images: 7,
      imagesPerClass: { min: 1, median: 2, max: 4 },
      smallClasses: [
        { fewerThan: 2, classes: 1 },
        { fewerThan: 5, classes: 3 },
        { fewerThan: 10, classes: 3 },
      ],
      smallestClasses: [
        { name: 'c', images: 1 },
        { name: 'b', images: 2 },
        { name: 'a', images: 4 },
      ],
      colours: { colour: 5, grey: 2 },
      sizes: [
        { from: 0, below: 56, images: 3 },
        { from: 56, below: 112, images: 2 },
        { from: 112, below: 224, images: 0 },
        { from: 224, below: 448, images: 1 },
        { from: 448, below: null, images: 1 },
      ],
      skippedImages: 2,
    });
    const paths = report.skipped.map(({ path }: { path: string }) => path);
    expect(paths.sort()).toEqual(['c/broken.png', 'c/notes.txt']);
    expect(provenance.datasetHash).toBe(report.dataset.hash);
    expect([report.training, report.testDataset, report.duplicatesAcrossDatasets]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('finds duplicates within the dataset and under two labels', async () => {
    const { dataset } = (await inspect(await flawed())).report;
    expect(dataset.duplicates).toEqual({
      groups: 2,
      images: 4,
      listed: [
        ['a/1.png', 'a/2.png'],
        ['a/3.png', 'b/2.png'],
      ],
    });
    expect(dataset.duplicatesUnderTwoLabels).toEqual({
      groups: 1,
      images: 2,
      listed: [['a/3.png', 'b/2.png']],
    });
  });

  it('finds images that a second dataset shares, whatever their names', async () => {
    const test = await folderOf({
      'z/9.png': await plainPng([0, 200, 0]),
      'z/8.png': await plainPng([1, 2, 3]),
    });
    const { report } = await inspect(await flawed(), { testDatasetDir: test });
    expect(report.duplicatesAcrossDatasets).toEqual({
      images: 1,
      listed: [{ dataset: 'b/1.png', testDataset: 'z/9.png' }],
    });
    expect(report.testDataset).toMatchObject({ classes: 1, images: 2 });
  });

  it('foretells the split that the training makes, and what is on both sides of it', async () => {
    const pixels = await Promise.all([...new Array(16).keys()].map((i) => plainPng([i * 15, 0, 99])));
    const files = Object.fromEntries(pixels.map((png, i) => [`${i < 8 ? 'a' : 'b'}/${i}.png`, png]));
    const { report } = await inspect(await folderOf(files), { training: TRAINING });
    expect(report.training).toMatchObject({
      trainable: true,
      refusal: null,
      split: { kind: 'image', classCount: 2, trainingImages: 12, validationImages: 4, heldOutImages: 0 },
      duplicatesAcrossSplit: { groups: 0 },
      estimate: { stepsPerEpoch: 3, steps: 6 },
      warnings: [],
    });
    // The same image eight times in each class: some are trained on, some are not.
    const same = Object.fromEntries(
      pixels.map((_, i) => [`${i < 8 ? 'a' : 'b'}/${i}.png`, pixels[0] as Buffer]),
    );
    const twice = (await inspect(await folderOf(same), { training: TRAINING })).report;
    expect(twice.training.duplicatesAcrossSplit).toMatchObject({ groups: 1, images: 16 });
    expect(twice.training.warnings[0]).toContain('trained on and also held out');
  });

  it.each([
    [{ batchSize: 100 }, 'dataset_too_small'],
    [{ classCount: 9 }, 'class_count_mismatch'],
    [{ split: 'manifest' as const }, 'split_missing'],
  ])('reports what would stop a training with %j, and does not fail', async (changes, code) => {
    const { report } = await inspect(await flawed(), { training: { ...TRAINING, ...changes } });
    expect(report.training).toMatchObject({ trainable: false, refusal: { code } });
    expect(report.dataset.images).toBe(7);
  });

  it('tells its progress in images and stops when it is aborted', async () => {
    const seen: RunProgress[] = [];
    await inspect(await flawed(), {}, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ step: 8, steps: 8, percent: 100 });
    const stop = new Error('stop');
    const aborted = AbortSignal.abort(stop);
    await expect(inspect(await flawed(), {}, { signal: aborted })).rejects.toBe(stop);
  });

  it('refuses animations and formats that merely bear the ending of an image, by their name', async () => {
    const frames = { raw: { width: 8, height: 16, channels: 3 as const, pageHeight: 8 } };
    const animated = sharp(Buffer.alloc(8 * 16 * 3, 7).fill(200, 0, 8 * 8 * 3), frames);
    const dir = await folderOf({
      'a/1.png': await plainPng([1, 2, 3]),
      'a/2.webp': await animated.clone().webp({ loop: 0, lossless: true }).toBuffer(),
      'a/3.png':
        '<?xml version="1.0"?>\n<!-- hello -->\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      'a/4.jpg': await sharp(await plainPng([1, 2, 3]))
        .gif()
        .toBuffer(),
      'a/5.png': '%PDF-1.4\n',
      'a/6.png': '<html>',
      'b/1.png': await plainPng([3, 2, 1]),
    });
    const { report } = await inspect(dir);
    expect(report.dataset.images).toBe(2);
    const reasons = Object.fromEntries(
      report.skipped.map(({ path, reason }: { path: string; reason: string }) => [path, reason]),
    );
    const known = 'expected JPEG, PNG, WebP, TIFF, AVIF, PGM or PPM; found ';
    expect(reasons).toEqual({
      'a/2.webp': 'expected one image; found a file of 2',
      'a/3.png': `${known}an SVG`,
      'a/4.jpg': `${known}a GIF`,
      'a/5.png': `${known}a PDF`,
      'a/6.png': `${known}XML or HTML`,
    });
  });
});
