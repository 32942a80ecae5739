import { setImmediate } from 'node:timers/promises';
import { type Batch, type PlannedBatch, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { GradientMean } from './gradients.js';
import { computeGradients, type Learner, type StepResult } from './train-step.js';
import { PREFETCH_DEPTH } from './validate.js';

/** One step's gradients lie in the learner's parameters; this says of what. Means are over all of its images. */
export type StepGradients = StepResult & {
  readonly images: number;
  /** Batches of the plan that it took. */
  readonly batches: number;
  readonly seconds: number;
};

export type GradientOptions = {
  readonly pool: DecodePool;
  /** Batches whose mean gradient makes one step; the last step of an epoch takes what is left. */
  readonly accumulationSteps: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * The gradients of a plan's steps, one step after another. Whoever loops over them updates the parameters, or discards
 * their gradients, before the next.
 * @throws the signal's reason between two batches
 */
export async function* stepGradients(
  learner: Learner,
  plan: readonly PlannedBatch[],
  { pool, accumulationSteps, signal }: GradientOptions,
): AsyncGenerator<StepGradients> {
  const mean = new GradientMean(learner.optimizer.parameters);
  const batches = prefetch(pool, plan, PREFETCH_DEPTH);
  try {
    for (let start = 0; start < plan.length; start += accumulationSteps) {
      const startedAt = performance.now();
      const members = plan.slice(start, start + accumulationSteps);
      const images = members.reduce((sum, member) => sum + member.images.length, 0);
      let loss = 0;
      let accuracy = 0;
      for (const member of members) {
        const share = member.images.length / images;
        const { value: batch } = await batches.next();
        // A turn of the event loop: messages of the decoders and a request to cancel arrive here.
        await setImmediate();
        signal?.throwIfAborted();
        const result = computeBatch(learner, batch as Batch);
        loss += share * result.loss;
        accuracy += share * result.accuracy;
        if (members.length > 1) mean.add(share);
      }
      if (members.length > 1) mean.release();
      const seconds = (performance.now() - startedAt) / 1000;
      yield { loss, accuracy, images, batches: members.length, seconds };
    }
  } finally {
    mean.dispose();
    await batches.return(undefined);
  }
}

function computeBatch(learner: Learner, batch: Batch): StepResult {
  const { tf } = loadTensorFlow();
  const { imageSize } = learner.backbone;
  const images = tf.tensor4d(batch.pixels, [batch.count, imageSize, imageSize, 3]);
  const labels = tf.tensor1d(batch.labels, 'int32');
  try {
    return computeGradients(learner, images, labels);
  } finally {
    labels.dispose();
  }
}
