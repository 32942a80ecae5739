import type { Checkpointer } from '../checkpoints/checkpointer.js';
import {
  type AugmentationSettings,
  DEFAULT_AUGMENTATION,
} from '../data/augmentation/augmentation-settings.js';
import { countBatches, planEpoch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import type { SamplerSettings } from '../data/samplers/sampler.js';
import { MlError } from '../ml-error.js';
import { finishStep } from './finish-step.js';
import { discardGradients } from './gradients.js';
import { hasFiniteWeights } from './network-weights.js';
import { type Optimisation, toMarginStages, toSchedule } from './optimisation-settings.js';
import { ProgressMeter } from './progress-meter.js';
import { type MarginStages, marginFactorAt, type ScheduleOptions } from './schedule.js';
import { stepGradients } from './step-gradients.js';
import type { Learner } from './train-step.js';
import { type EpochSummary, type GuardEvent, Interruption, type RunHooks } from './training-hooks.js';
import { TrainingRun } from './training-run.js';
import type { StepBoundary, TrainingState } from './training-state.js';
import { validate } from './validate.js';

export type TrainOptions = SamplerSettings & {
  readonly augmentation?: AugmentationSettings | undefined;
  readonly training: readonly ImageEntry[];
  readonly validation: readonly ImageEntry[];
  readonly pool: DecodePool;
  /** Among which a step's images are told apart: with PartialFC fewer than there are. */
  readonly classCount: number;
  readonly epochs: number;
  /** Images computed at a time. */
  readonly batchSize: number;
  readonly optimisation: Optimisation;
  readonly seed: number;
  /** Goes on from here, over the same images and settings; stays the caller's. */
  readonly resumeFrom?: TrainingState | undefined;
  /** Told after every step; training waits for what it returns. */
  readonly onStep?: (boundary: StepBoundary) => void | Promise<void>;
  /** Offered a checkpoint after every step and every epoch; a run that is interrupted takes one before it ends. */
  readonly checkpointer?: Pick<Checkpointer, 'offer' | 'take'> | undefined;
};

export type TrainOutcome = {
  readonly best: EpochSummary;
  readonly last: EpochSummary;
  readonly steps: number;
  readonly rollbacks: readonly GuardEvent[];
};

/**
 * Trains for all epochs, or until `patience` runs out, and leaves the best epoch's weights in the network: the best
 * validation accuracy, on a tie the lower validation loss; without validation images, the last epoch's.
 * @throws MlError `training_diverged`, or the signal's reason between two steps
 */
export async function train(learner: Learner, options: TrainOptions, hooks: RunHooks): Promise<TrainOutcome> {
  const { epochs, optimisation } = options;
  const { accumulationSteps, emaDecay, guardRetries, patience } = optimisation;
  const stepsPerEpoch = Math.ceil(countBatches(options.training.length, options) / accumulationSteps);
  const counts = { stepsPerEpoch, totalSteps: epochs * stepsPerEpoch };
  const plans = { schedule: toSchedule(optimisation, counts), stages: toMarginStages(optimisation, counts) };
  const meter = new ProgressMeter({ epochs, steps: counts.totalSteps, stepsPerEpoch }, hooks);
  const run = new TrainingRun(learner, { emaDecay, keepsGoodStates: guardRetries > 0 });
  try {
    if (options.resumeFrom !== undefined) run.restore(options.resumeFrom);
    while (run.progress.epoch <= epochs && !(patience !== null && run.progress.staleEpochs >= patience)) {
      const imagesPerSecond = await trainEpoch(run, { ...options, ...plans, meter }, hooks);
      const scored = await run.withResultWeights(() => score(learner, options, hooks));
      const summary = { ...run.summarise(imagesPerSecond), ...scored };
      meter.flush();
      hooks.onEpoch?.(summary);
      await run.endEpoch(summary);
      await options.checkpointer?.offer(boundaryOf(run, meter), { isEpochEnd: true });
    }
    const { best, last, step, rollbacks } = run.progress;
    if (best === null || last === null) throw new Error(`expected at least one epoch, got ${epochs}`);
    run.restoreBest();
    assertUsable(learner, best);
    learner.head.marginFactor = 1;
    return { best, last, steps: step, rollbacks };
  } catch (error) {
    // Wherever it was stopped, the run still stands where its last step or epoch ended.
    if (error instanceof Interruption) await options.checkpointer?.take(boundaryOf(run, meter));
    throw error;
  } finally {
    discardGradients(learner.optimizer.parameters);
    run.dispose();
  }
}

/** The guard sees losses before an update; what the last updates did to the weights shows only here. */
function assertUsable(learner: Learner, best: EpochSummary): void {
  if (Number.isFinite(best.validationLoss ?? 0) && hasFiniteWeights(learner)) return;
  throw new MlError(
    'training_diverged',
    'user',
    `Expected finite weights and a finite validation loss; found others in epoch ${best.epoch}, which is the best. ` +
      'A lower learningRate or a longer warm-up usually helps.',
  );
}

type EpochOptions = TrainOptions & {
  readonly schedule: ScheduleOptions;
  readonly stages: MarginStages;
  readonly meter: ProgressMeter;
};

/** The rest of the running epoch. @returns its speed, in images per second */
async function trainEpoch(run: TrainingRun, options: EpochOptions, hooks: RunHooks): Promise<number> {
  const { head } = run.learner;
  const { accumulationSteps } = options.optimisation;
  const startedAt = performance.now();
  let images = 0;
  const plan = planOf(options, run.progress.epoch).slice(run.progress.batchIndex);
  head.marginFactor = marginFactorAt(run.progress.step, options.stages);
  const gradientOptions = { pool: options.pool, accumulationSteps, signal: hooks.signal };
  for await (const step of stepGradients(run.learner, plan, gradientOptions)) {
    const learningRate = finishStep(run, step, options, hooks);
    images += step.images;
    if (learningRate !== null) {
      const { loss, accuracy } = step;
      options.meter.add(run.progress.step, {
        images: step.images,
        seconds: step.seconds,
        metrics: () => ({ loss, accuracy, learningRate }),
        row: [run.progress.step, loss, accuracy, learningRate],
      });
    }
    const boundary = boundaryOf(run, options.meter);
    await options.onStep?.(boundary);
    await options.checkpointer?.offer(boundary, { isEpochEnd: false });
    head.marginFactor = marginFactorAt(run.progress.step, options.stages);
  }
  return images / ((performance.now() - startedAt) / 1000);
}

function boundaryOf(run: TrainingRun, meter: ProgressMeter): StepBoundary {
  const takeState = () => {
    // What the state counts as done has been reported by then.
    meter.flush();
    return run.takeState();
  };
  return { progress: run.progress, takeState };
}

/** How the network does on the images held out; nothing when there are none. */
async function score(
  learner: Learner,
  options: TrainOptions,
  hooks: RunHooks,
): Promise<Partial<EpochSummary>> {
  if (options.validation.length === 0) return {};
  const { loss, accuracy } = await validate(learner, options.validation, {
    ...options,
    signal: hooks.signal,
  });
  return { validationLoss: loss, validationAccuracy: accuracy };
}

function planOf({ training, ...settings }: TrainOptions, epoch: number) {
  const { augmentation = DEFAULT_AUGMENTATION } = settings;
  return planEpoch(training, { ...settings, augmentation, epoch, dropSingle: true });
}
