import { setImmediate } from 'node:timers/promises';
import { disposeSnapshot, restoreSnapshot, type Snapshot, takeSnapshot } from '../backbones/backbone.js';
import { planEpoch, prefetch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import type { SamplerSettings } from '../data/samplers/sampler.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { ProgressMeter } from './progress-meter.js';
import { learningRateAt } from './schedule.js';
import { type Learner, trainStep } from './train-step.js';
import type { EpochSummary, RunHooks } from './training-hooks.js';
import { PREFETCH_DEPTH, validate } from './validate.js';

export type TrainOptions = SamplerSettings & {
  readonly training: readonly ImageEntry[];
  readonly validation: readonly ImageEntry[];
  readonly pool: DecodePool;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmupEpochs: number;
  readonly seed: number;
};

export type TrainOutcome = {
  readonly best: EpochSummary;
  readonly last: EpochSummary;
  readonly steps: number;
};

/**
 * Trains for all epochs and leaves the best epoch's weights in the network: the best validation accuracy, on a
 * tie the lower validation loss; without validation images, the last epoch's.
 * @throws MlError `training_diverged`, or the signal's reason between two steps
 */
export async function train(learner: Learner, options: TrainOptions, hooks: RunHooks): Promise<TrainOutcome> {
  const { tf } = loadTensorFlow();
  const { epochs, pool, validation } = options;
  const { imageSize } = learner.backbone;
  const stepsPerEpoch = planOf(options, 1).length;
  const totalSteps = stepsPerEpoch * epochs;
  const warmupSteps = Math.round(options.warmupEpochs * stepsPerEpoch);
  const schedule = { peak: options.learningRate, warmupSteps, totalSteps };
  const meter = new ProgressMeter({ epochs, steps: totalSteps, stepsPerEpoch }, hooks);
  let best: { summary: EpochSummary; weights: Snapshot } | null = null;
  let last: EpochSummary | null = null;
  let step = 0;

  try {
    for (let epoch = 1; epoch <= epochs; epoch += 1) {
      const epochStart = performance.now();
      let stepStart = epochStart;
      let seen = 0;
      let lossSum = 0;
      let correctSum = 0;
      let learningRate = 0;
      for await (const batch of prefetch(pool, planOf(options, epoch), PREFETCH_DEPTH)) {
        // A turn of the event loop: messages of the decoders and a request to cancel arrive here.
        await setImmediate();
        hooks.signal?.throwIfAborted();
        learningRate = learningRateAt(step, schedule);
        const images = tf.tensor4d(batch.pixels, [batch.count, imageSize, imageSize, 3]);
        const labels = tf.tensor1d(batch.labels, 'int32');
        const { loss, accuracy } = trainStep(learner, images, labels, learningRate);
        labels.dispose();
        step += 1;
        seen += batch.count;
        lossSum += loss * batch.count;
        correctSum += accuracy * batch.count;
        const now = performance.now();
        meter.add(step, {
          images: batch.count,
          seconds: (now - stepStart) / 1000,
          metrics: () => ({ loss, accuracy, learningRate }),
          row: [step, loss, accuracy, learningRate],
        });
        stepStart = now;
      }
      const imagesPerSecond = seen / ((performance.now() - epochStart) / 1000);
      last = {
        epoch,
        step,
        loss: lossSum / seen,
        accuracy: correctSum / seen,
        learningRate,
        imagesPerSecond,
      };
      if (validation.length > 0) {
        const scored = await validate(learner, validation, { ...options, signal: hooks.signal });
        last = { ...last, validationLoss: scored.loss, validationAccuracy: scored.accuracy };
      }
      meter.flush();
      hooks.onEpoch?.(last);
      if (best === null || isBetter(last, best.summary)) {
        if (best !== null) disposeSnapshot(best.weights);
        best = { summary: last, weights: takeLearnerSnapshot(learner) };
      }
    }
    if (best === null || last === null) throw new Error(`expected at least one epoch, got ${epochs}`);
    restoreLearner(learner, best.weights);
    return { best: best.summary, last, steps: step };
  } finally {
    if (best !== null) disposeSnapshot(best.weights);
  }
}

function planOf({ training, ...settings }: TrainOptions, epoch: number) {
  return planEpoch(training, { ...settings, epoch, flipProbability: 0.5, dropSingle: true });
}

/** Whether an epoch beats the best so far; without validation the later one always does. */
export function isBetter(candidate: EpochSummary, best: EpochSummary): boolean {
  if (candidate.validationAccuracy === undefined || best.validationAccuracy === undefined) return true;
  if (candidate.validationAccuracy !== best.validationAccuracy) {
    return candidate.validationAccuracy > best.validationAccuracy;
  }
  return (candidate.validationLoss ?? 0) < (best.validationLoss ?? 0);
}

function takeLearnerSnapshot({ backbone, head }: Learner): Snapshot {
  const weights = takeSnapshot(backbone);
  for (const { name, value } of head.parameters) weights.set(name, value.clone());
  return weights;
}

function restoreLearner({ backbone, head }: Learner, weights: Snapshot): void {
  restoreSnapshot(backbone, weights);
  for (const parameter of head.parameters) {
    const kept = weights.get(parameter.name);
    if (kept === undefined) throw new Error(`the snapshot lacks ${parameter.name}`);
    parameter.value.dispose();
    parameter.value = kept.clone();
  }
}
