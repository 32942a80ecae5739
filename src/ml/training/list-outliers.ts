import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planInOrder, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { DatasetSplit } from '../data/split-dataset.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { MODEL_FILES } from '../export/model-files.js';
import { findOutliers, OUTLIER_DEGREES, ownCosines } from '../heads/sub-centers.js';
import type { Network } from './network-weights.js';
import { PREFETCH_DEPTH } from './validate.js';

/** For the job's result; the images themselves are in outliers.json. */
export type OutlierCount = { readonly count: number; readonly degrees: number };

export type OutlierOptions = {
  readonly pool: DecodePool;
  readonly batchSize: number;
  readonly subCenters: number;
  /** Receives outliers.json. */
  readonly outputDir: string;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Writes down the training images that probably bear a wrong label, by the trained centres (`findOutliers`).
 * @returns null without sub-centres, where images with a wrong label have no centre to gather at
 * @throws the signal's reason between two batches
 */
export async function listOutliers(
  { backbone, head }: Network,
  { training, classNames }: Pick<DatasetSplit, 'training' | 'classNames'>,
  { pool, batchSize, subCenters, outputDir, signal }: OutlierOptions,
): Promise<OutlierCount | null> {
  const [centres] = head.parameters;
  if (subCenters < 2 || centres === undefined) return null;
  const { tf } = loadTensorFlow();
  const { imageSize } = backbone;
  const cosines = new Float32Array(training.length * subCenters);
  let done = 0;
  for await (const { pixels, labels, count } of prefetch(
    pool,
    planInOrder(training, batchSize),
    PREFETCH_DEPTH,
  )) {
    signal?.throwIfAborted();
    const embeddings = backbone.forward(tf.tensor4d(pixels, [count, imageSize, imageSize, 3]), false);
    // Awaited, so that the event loop turns: a request to stop can arrive.
    await embeddings.data();
    cosines.set(ownCosines(centres.value, embeddings, labels, subCenters), done * subCenters);
    embeddings.dispose();
    done += count;
  }
  const labels = Int32Array.from(training, ({ label }) => label);
  const outliers = findOutliers(cosines, labels, { subCenters }).map(({ index, label, degrees }) => ({
    path: training[index]?.relativePath,
    class: classNames[label],
    degrees,
  }));
  const content = { degrees: OUTLIER_DEGREES, images: outliers };
  await writeFile(join(outputDir, MODEL_FILES.outliers), `${JSON.stringify(content, null, 1)}\n`);
  return { count: outliers.length, degrees: OUTLIER_DEGREES };
}
