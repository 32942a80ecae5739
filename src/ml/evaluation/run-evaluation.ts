import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { disposeBackbone } from '../backbones/backbone.js';
import { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry, SplitPart } from '../data/image-entry.js';
import { createRandom } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { readModel } from '../export/read-model.js';
import { MlError } from '../ml-error.js';
import { type PreparedDataset, prepareDataset } from '../training/prepare-dataset.js';
import { ProgressMeter } from '../training/progress-meter.js';
import type { RunHooks, RunOutcome } from '../training/training-hooks.js';
import { predict } from '../training/validate.js';
import { ClassificationTally, STRANGER } from './classification.js';

export type EvaluationRequest = {
  readonly classCount?: number | undefined;
  /** Only the images that the manifest puts in this part; left out, all. */
  readonly split?: SplitPart | undefined;
  readonly batchSize: number;
  readonly threshold: number;
  readonly temperature: number;
  readonly shuffle: boolean;
  readonly seed: number;
};

export type EvaluationOptions = {
  readonly datasetDir: string;
  readonly modelDir: string;
  /** An existing, empty folder; receives report.json. */
  readonly outputDir: string;
  readonly request: EvaluationRequest;
  readonly decodeThreads: number;
};

export const REPORT_FILE = 'report.json';

/**
 * The original tool's test: classification by the model's head, with threshold and temperature. Folders are
 * matched to the model's classes by name; a folder that is no class of the model holds strangers.
 * @throws MlError for a dataset or model that cannot be used; the signal's reason when aborted
 */
export async function runEvaluation(options: EvaluationOptions, hooks: RunHooks = {}): Promise<RunOutcome> {
  const { datasetDir, modelDir, outputDir, request, decodeThreads } = options;
  const { device, versions } = loadTensorFlow();
  const model = await readModel(modelDir);
  assertClassCount(request.classCount, model.classNames.length);
  const pool = await DecodePool.open({ threads: decodeThreads, imageSize: model.backbone.imageSize });
  try {
    const dataset = await prepareDataset(datasetDir, pool, hooks);
    const images = labelByModel(onlyPart(dataset, request.split), model.classNames);
    hooks.onStarted?.(device);
    const ordered = request.shuffle ? createRandom(request.seed).shuffle(images) : images;
    const tally = new ClassificationTally({ classNames: model.classNames, ...request });
    const steps = Math.ceil(ordered.length / request.batchSize);
    const meter = new ProgressMeter({ epochs: 1, steps, stepsPerEpoch: steps }, hooks);
    let step = 0;
    let startedAt = performance.now();
    const batches = predict(model, ordered, { pool, batchSize: request.batchSize, signal: hooks.signal });
    for await (const { logits, labels } of batches) {
      tally.add(logits, labels);
      step += 1;
      const now = performance.now();
      const seconds = (now - startedAt) / 1000;
      meter.add(step, { images: labels.length, seconds, metrics: () => tally.running() });
      startedAt = now;
    }
    const report = {
      ...tally.report(),
      skippedImages: dataset.skipped.length,
      skipped: dataset.skipped,
      datasetHash: dataset.hash,
      seed: request.seed,
    };
    await writeFile(join(outputDir, REPORT_FILE), `${JSON.stringify(report, null, 1)}\n`);
    const { perClass: _perClass, confusion: _confusion, skipped: _skipped, ...result } = report;
    return {
      result,
      provenance: { datasetHash: dataset.hash, device, ...versions, node: process.versions.node },
    };
  } finally {
    disposeBackbone(model.backbone);
    for (const { value } of model.head.parameters) value.dispose();
    await pool.close();
  }
}

function assertClassCount(expected: number | undefined, found: number): void {
  if (expected === undefined || expected === found) return;
  throw new MlError(
    'class_count_mismatch',
    'user',
    `Expected a model of classCount ${expected}; the model has ${found} classes.`,
  );
}

function onlyPart(dataset: PreparedDataset, part: SplitPart | undefined): PreparedDataset {
  if (part === undefined) return dataset;
  const images = dataset.images.filter(({ split }) => split === part);
  if (images.length > 0) return { ...dataset, images };
  const message = `Expected images of the split "${part}" in the dataset's manifest; found none.`;
  throw new MlError('split_missing', 'user', message);
}

/** The images with the model's labels in place of the dataset's. */
function labelByModel(
  { images, classNames }: PreparedDataset,
  modelClasses: readonly string[],
): ImageEntry[] {
  const indexByName = new Map(modelClasses.map((name, index) => [name, index]));
  const labels = classNames.map((name) => indexByName.get(name) ?? STRANGER);
  const relabelled = images.map((image) => ({ ...image, label: labels[image.label] ?? STRANGER }));
  if (relabelled.some(({ label }) => label !== STRANGER)) return relabelled;
  const listed = (names: readonly string[]) => names.slice(0, 5).join(', ') || 'none';
  throw new MlError(
    'no_known_class',
    'data',
    `Expected readable images in folders named as the model's classes (${listed(modelClasses)}, …); ` +
      `found only other folders (${listed(classNames)}).`,
  );
}
