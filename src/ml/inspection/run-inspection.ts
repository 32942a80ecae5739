import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_IMAGE_SIZE } from '../backbones/backbone.js';
import { assertTrainable } from '../data/class-folder.js';
import { DecodePool } from '../data/decode-pool.js';
import type { ImageCacheSettings } from '../data/image-cache-room.js';
import { splitDataset } from '../data/split-dataset.js';
import { MlError } from '../ml-error.js';
import { type PreparedDataset, prepareDataset } from '../training/prepare-dataset.js';
import { ProgressMeter } from '../training/progress-meter.js';
import { splitSeed } from '../training/seed-streams.js';
import type { RunHooks, RunOutcome } from '../training/training-hooks.js';
import { hashedImages, reportDataset } from './dataset-report.js';
import { acrossDatasets } from './duplicates.js';
import { type InspectedTraining, reportTraining } from './training-report.js';

export type InspectionOptions = {
  readonly datasetDir: string;
  /** A second dataset, that should share no image with the first. */
  readonly testDatasetDir?: string | undefined;
  /** A training to judge the dataset for. */
  readonly training?: InspectedTraining | undefined;
  /** An existing, empty folder; receives report.json. */
  readonly outputDir: string;
  readonly decodeThreads: number;
  /** Keeps decoded images for later jobs; left out, each is decoded every time. */
  readonly decodedCache?: ImageCacheSettings | undefined;
};

export const INSPECTION_FILE = 'report.json';

/**
 * What a dataset holds, before anyone trains on it. Every image is decoded once; TensorFlow is not loaded. What would stop
 * the training is a finding here, not a failure.
 * @throws MlError for a dataset that cannot be read at all; the signal's reason when aborted
 */
export async function runInspection(options: InspectionOptions, hooks: RunHooks = {}): Promise<RunOutcome> {
  const { datasetDir, testDatasetDir, training, outputDir, decodeThreads, decodedCache: cache } = options;
  const imageSize = training?.imageSize ?? DEFAULT_IMAGE_SIZE;
  const pool = await DecodePool.open({ threads: decodeThreads, imageSize, cache });
  try {
    hooks.onStarted?.('cpu');
    const dataset = await prepareDataset(datasetDir, pool, hooks, meterImages(hooks));
    const test =
      testDatasetDir === undefined
        ? null
        : await prepareDataset(testDatasetDir, pool, hooks, meterImages(hooks));
    const report = {
      dataset: reportDataset(dataset),
      training: training === undefined ? null : judge(dataset, training),
      testDataset: test === null ? null : reportDataset(test),
      duplicatesAcrossDatasets:
        test === null ? null : acrossDatasets(hashedImages(dataset), hashedImages(test)),
    };
    const all = { ...report, skipped: dataset.skipped, testSkipped: test?.skipped ?? [] };
    await writeFile(join(outputDir, INSPECTION_FILE), `${JSON.stringify(all, null, 1)}\n`);
    return { result: report, provenance: { datasetHash: dataset.hash, node: process.versions.node } };
  } finally {
    await pool.close();
  }
}

/** What a training would say of the dataset: its report, or why it cannot be. */
function judge(dataset: PreparedDataset, training: InspectedTraining) {
  try {
    assertTrainable(dataset, training);
    const split = splitDataset(dataset, training, splitSeed(training.seed));
    return { trainable: true, refusal: null, ...reportTraining(dataset, split, training) };
  } catch (error) {
    if (!(error instanceof MlError)) throw error;
    return { trainable: false, refusal: { code: error.code, message: error.message } };
  }
}

/** Images as steps of one epoch, so that a client sees the inspection's progress as it sees a training's. */
function meterImages(hooks: RunHooks): (done: number, total: number) => void {
  let meter: ProgressMeter | null = null;
  let last = 0;
  let lastMs = performance.now();
  return (done, total) => {
    meter ??= new ProgressMeter({ epochs: 1, steps: total, stepsPerEpoch: total }, hooks);
    const nowMs = performance.now();
    const images = done - last;
    const seconds = (nowMs - lastMs) / 1000;
    // The meter reckons with single steps, and here one step is one image.
    if (images > 0) meter.add(done, { images: 1, seconds: seconds / images, metrics: () => ({}) });
    last = done;
    lastMs = nowMs;
  };
}
