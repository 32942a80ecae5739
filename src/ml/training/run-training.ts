import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildBackbone, countParameters, disposeBackbone } from '../backbones/backbone.js';
import { DecodePool } from '../data/decode-pool.js';
import type { ImageCacheSettings } from '../data/image-cache-room.js';
import { createRandom, deriveSeed } from '../data/random.js';
import { describeSplit, splitDataset } from '../data/split-dataset.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { MODEL_FILES } from '../export/model-files.js';
import { exportOnnx } from '../export/onnx/export-onnx.js';
import { preprocessingOf } from '../export/preprocessing.js';
import { writeModel } from '../export/write-model.js';
import { buildHead } from '../heads/build-head.js';
import { disposeHead, type Head } from '../heads/head.js';
import { resolveSettings } from '../heads/head-settings.js';
import { comparedClasses } from '../heads/partial-fc.js';
import { reportDataset, summariseDataset } from '../inspection/dataset-report.js';
import { reportTraining } from '../inspection/training-report.js';
import { chosenOptimisation } from './chosen-optimisation.js';
import { listOutliers } from './list-outliers.js';
import { completeOptimisation } from './optimisation-settings.js';
import type { Optimizer } from './optimizers/optimizer.js';
import { parityBatches } from './parity-batches.js';
import { prepareTrainingDataset } from './prepare-dataset.js';
import { SEED_STREAM, splitSeed } from './seed-streams.js';
import { type InitSource, startLearner } from './start-learner.js';
import type { ToldBefore } from './told-before.js';
import { hashTraining, trainFromCheckpoint } from './train-from-checkpoint.js';
import type { RunHooks, RunOutcome } from './training-hooks.js';
import type { TrainingRequest } from './training-request.js';

/** Skipped images that the result names; the log names all. */
const LISTED_SKIPS = 100;

export type TrainingOptions = {
  readonly datasetDir: string;
  /** An existing, empty folder; receives the model's files. */
  readonly outputDir: string;
  readonly request: TrainingRequest;
  /** What `request.initFrom` names. */
  readonly initFrom?: InitSource | undefined;
  readonly decodeThreads: number;
  /** Keeps decoded images for later epochs and jobs; left out, each is decoded every time. */
  readonly decodedCache?: ImageCacheSettings | undefined;
  /** An existing folder for checkpoints, which the training goes on from if it holds any; left out, none are taken. */
  readonly checkpointDir?: string | undefined;
  /** What of this training has been told to the hooks before, by a process that is gone. */
  readonly told?: ToldBefore | undefined;
};

/**
 * A whole training: dataset in, model files out.
 * @throws MlError for a dataset or request that cannot be trained; the signal's reason when aborted
 */
export async function runTraining(options: TrainingOptions, hooks: RunHooks = {}): Promise<RunOutcome> {
  const { datasetDir, outputDir, request, decodeThreads, decodedCache: cache } = options;
  const { device, versions } = loadTensorFlow();
  const pool = await DecodePool.open({ threads: decodeThreads, imageSize: request.imageSize, cache });
  try {
    const dataset = await prepareTrainingDataset(datasetDir, pool, request, hooks);
    const split = splitDataset(dataset, request, splitSeed(request.seed));
    const preflight = reportTraining(dataset, split, request);
    for (const warning of preflight.warnings) hooks.onLog?.('warn', warning);
    await writeFile(join(outputDir, MODEL_FILES.split), describeSplit(split));
    const classCount = split.classNames.length;
    const headSettings = resolveSettings(request, classCount);
    const random = createRandom(deriveSeed(request.seed, SEED_STREAM.initialise));
    const optimisation = completeOptimisation(request, {
      ...request,
      trainingImages: split.training.length,
    });
    const backbone = buildBackbone(request.backbone, request, random);
    let head: Head | null = null;
    let optimizer: Optimizer | null = null;
    try {
      head = buildHead(headSettings, { classCount, embeddingSize: request.embeddingSize }, random);
      const { learner, warmStart } = await startLearner(
        { backbone, head },
        {
          optimisation,
          initFrom: options.initFrom ?? null,
          freezeStages: request.freezeStages ?? [],
          classNames: split.classNames,
        },
      );
      optimizer = learner.optimizer;
      hooks.onStarted?.(device);

      const outcome = await trainFromCheckpoint(
        learner,
        {
          ...request,
          ...split,
          pool,
          seed: deriveSeed(request.seed, SEED_STREAM.batches),
          classCount: comparedClasses(classCount, { ...request, ...headSettings }),
          optimisation,
        },
        {
          checkpointDir: options.checkpointDir,
          told: options.told,
          identity: { datasetHash: dataset.hash, requestHash: hashTraining(request) },
          metricsPath: join(outputDir, MODEL_FILES.metrics),
        },
        hooks,
      );
      const { learningRate, warmupEpochs } = optimisation;
      const chosen = { learningRate, warmupEpochs };
      const config = {
        backbone: request.backbone,
        embeddingSize: request.embeddingSize,
        imageSize: request.imageSize,
        request: { ...request, ...headSettings, ...chosenOptimisation(optimisation), split: split.kind },
      };
      await writeModel(outputDir, {
        backbone,
        head,
        preprocessing: preprocessingOf(request.imageSize),
        classNames: split.classNames,
        headSettings,
        config,
      });
      const compared = split.validation.length > 0 ? split.validation : split.training;
      const exports = await exportOnnx(outputDir, request.exports, {
        batches: await parityBatches(backbone, compared, pool),
        preprocessing: preprocessingOf(request.imageSize),
      });
      const outliers = await listOutliers({ backbone, head }, split, {
        pool,
        outputDir,
        batchSize: request.batchSize,
        subCenters: headSettings.subCenters ?? 1,
        signal: hooks.signal,
      });
      const parameters = countParameters(backbone);
      return {
        result: {
          classCount,
          trainingImages: split.training.length,
          validationImages: split.validation.length,
          split: split.kind,
          heldOutImages: split.heldOut.length,
          heldOutClasses: split.heldOutClasses.length,
          ...headSettings,
          parameters,
          bestEpoch: outcome.best.epoch,
          loss: outcome.best.loss,
          accuracy: outcome.best.accuracy,
          validationAccuracy: outcome.best.validationAccuracy ?? null,
          validationLoss: outcome.best.validationLoss ?? null,
          steps: outcome.steps,
          exports,
          ...chosen,
          warmStart,
          rollbacks: outcome.rollbacks,
          outliers,
          dataset: summariseDataset(reportDataset(dataset)),
          estimate: preflight.estimate,
          warnings: preflight.warnings,
          skippedImages: dataset.skipped.length,
          skipped: dataset.skipped.slice(0, LISTED_SKIPS),
        },
        provenance: { datasetHash: dataset.hash, exports, device, ...versions, node: process.versions.node },
      };
    } finally {
      optimizer?.dispose();
      disposeBackbone(backbone);
      if (head !== null) disposeHead(head);
    }
  } finally {
    await pool.close();
  }
}
