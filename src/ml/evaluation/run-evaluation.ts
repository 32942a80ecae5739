import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { disposeBackbone } from '../backbones/backbone.js';
import { DecodePool } from '../data/decode-pool.js';
import type { ImageCacheSettings } from '../data/image-cache-room.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { readModel } from '../export/read-model.js';
import { disposeHead } from '../heads/head.js';
import { MlError } from '../ml-error.js';
import type { RunHooks, RunOutcome } from '../training/training-hooks.js';
import { readCalibration, writeCalibration } from './calibration.js';
import { loadInputs } from './evaluation-inputs.js';
import { assembleReport, toResult } from './evaluation-report.js';
import type { EvaluationRequest } from './evaluation-request.js';
import { writePictures } from './pictures/write-pictures.js';
import { ProtocolRun } from './protocol-run.js';

export type EvaluationOptions = {
  readonly datasetDir: string;
  readonly modelDir: string;
  /** Published evaluation that `auto` values come from; left out, they come from the model's folder. */
  readonly calibrationDir?: string | undefined;
  /** An existing, empty folder; receives report.json and the protocols' own files. */
  readonly outputDir: string;
  readonly request: EvaluationRequest;
  readonly decodeThreads: number;
  /** Keeps decoded images for later epochs and jobs; left out, each is decoded every time. */
  readonly decodedCache?: ImageCacheSettings | undefined;
};

export const REPORT_FILE = 'report.json';

/**
 * Evaluates a model by the protocols that the request names (docs/evaluation.md).
 * @throws MlError for a dataset or model that cannot be used; the signal's reason when aborted
 */
export async function runEvaluation(options: EvaluationOptions, hooks: RunHooks = {}): Promise<RunOutcome> {
  const { datasetDir, modelDir, outputDir, decodeThreads, decodedCache: cache } = options;
  const { device, versions } = loadTensorFlow();
  const request = await resolveAuto(options);
  const model = await readModel(modelDir);
  const pool = await DecodePool.open({ threads: decodeThreads, imageSize: model.backbone.imageSize, cache });
  try {
    assertClassCount(request.classCount, model.classNames.length);
    const inputs = await loadInputs(datasetDir, request, { pool, hooks });
    const run = new ProtocolRun(model, inputs, { request, pool, modelDir, outputDir, hooks });
    hooks.onStarted?.(device);
    const classified = await run.classify();
    const embedded = await run.embed();
    const reports = {
      ...classified,
      verification: await run.verify(embedded),
      identification: await run.identify(embedded),
    };
    if (reports.calibration !== null) {
      const { temperature, threshold, precision } = reports.calibration;
      const { datasetHash } = inputs;
      await writeCalibration(outputDir, {
        model: request.model,
        datasetHash,
        temperature,
        threshold,
        precision,
      });
    }
    const report = assembleReport(request, inputs, reports);
    await writeFile(join(outputDir, REPORT_FILE), `${JSON.stringify(report, null, 1)}\n`);
    await writePictures(outputDir, report, reports);
    return {
      result: toResult(report),
      provenance: { datasetHash: inputs.datasetHash, device, ...versions, node: process.versions.node },
    };
  } finally {
    disposeBackbone(model.backbone);
    disposeHead(model.head);
    await pool.close();
  }
}

/** The request with the calibration's values in place of `auto`. @throws MlError */
async function resolveAuto({
  request,
  calibrationDir,
  modelDir,
}: EvaluationOptions): Promise<EvaluationRequest> {
  const { threshold, temperature } = request;
  if (threshold !== 'auto' && temperature !== 'auto') return request;
  const found = await readCalibration(calibrationDir ?? modelDir);
  if (found.model !== request.model) {
    const message = `Expected a calibration of the model ${request.model} (calibratedBy); found one of ${found.model}.`;
    throw new MlError('calibration_mismatch', 'user', message);
  }
  if (threshold === 'auto' && found.threshold === null) {
    const message = `Expected a calibration with a threshold; found none that reached its precision of ${found.precision}.`;
    throw new MlError('calibration_without_threshold', 'user', message);
  }
  return {
    ...request,
    threshold: threshold === 'auto' ? (found.threshold ?? 0) : threshold,
    temperature: temperature === 'auto' ? found.temperature : temperature,
  };
}

function assertClassCount(expected: number | undefined, found: number): void {
  if (expected === undefined || expected === found) return;
  throw new MlError(
    'class_count_mismatch',
    'user',
    `Expected a model of classCount ${expected}; the model has ${found} classes.`,
  );
}
