import {
  type AugmentationSettings,
  DEFAULT_AUGMENTATION,
} from '../data/augmentation/augmentation-settings.js';
import { planEpoch } from '../data/batches.js';
import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import type { SamplerSettings } from '../data/samplers/sampler.js';
import { discardGradients } from './gradients.js';
import { ProgressMeter } from './progress-meter.js';
import { learningRateAt, type ScheduleOptions } from './schedule.js';
import { stepGradients } from './step-gradients.js';
import { type Learner, notFinite } from './train-step.js';
import type { EpochSummary, RunHooks } from './training-hooks.js';
import { TrainingRun } from './training-run.js';
import type { StepBoundary, TrainingState } from './training-state.js';
import { validate } from './validate.js';

export type TrainOptions = SamplerSettings & {
  readonly augmentation?: AugmentationSettings | undefined;
  readonly training: readonly ImageEntry[];
  readonly validation: readonly ImageEntry[];
  readonly pool: DecodePool;
  readonly epochs: number;
  /** Images computed at a time. */
  readonly batchSize: number;
  /** Batches whose mean gradient makes one step. */
  readonly accumulationSteps: number;
  readonly seed: number;
  /** Of the learning rate, once the number of steps is known. */
  readonly scheduleOf: (steps: StepCounts) => ScheduleOptions;
  /** Goes on from here, over the same images and settings; stays the caller's. */
  readonly resumeFrom?: TrainingState | undefined;
  /** Told after every update; training waits for what it returns. */
  readonly onStep?: (boundary: StepBoundary) => void | Promise<void>;
};

export type StepCounts = { readonly stepsPerEpoch: number; readonly totalSteps: number };

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
  const { epochs, accumulationSteps } = options;
  const stepsPerEpoch = Math.ceil(planOf(options, 1).length / accumulationSteps);
  const totalSteps = epochs * stepsPerEpoch;
  const schedule = options.scheduleOf({ stepsPerEpoch, totalSteps });
  const meter = new ProgressMeter({ epochs, steps: totalSteps, stepsPerEpoch }, hooks);
  const run = new TrainingRun(learner);
  try {
    if (options.resumeFrom !== undefined) run.restore(options.resumeFrom);
    while (run.progress.epoch <= epochs) {
      const imagesPerSecond = await trainEpoch(run, { ...options, schedule, meter }, hooks);
      const summary = { ...run.summarise(imagesPerSecond), ...(await score(learner, options, hooks)) };
      meter.flush();
      hooks.onEpoch?.(summary);
      run.endEpoch(summary);
    }
    const { best, last, step } = run.progress;
    if (best === null || last === null) throw new Error(`expected at least one epoch, got ${epochs}`);
    run.restoreBest();
    return { best, last, steps: step };
  } finally {
    discardGradients(learner.optimizer.parameters);
    run.dispose();
  }
}

type EpochOptions = TrainOptions & { readonly schedule: ScheduleOptions; readonly meter: ProgressMeter };

/** The rest of the running epoch. @returns its speed, in images per second */
async function trainEpoch(run: TrainingRun, options: EpochOptions, hooks: RunHooks): Promise<number> {
  const { learner } = run;
  const startedAt = performance.now();
  let images = 0;
  const plan = planOf(options, run.progress.epoch).slice(run.progress.batchIndex);
  for await (const step of stepGradients(learner, plan, { ...options, signal: hooks.signal })) {
    const learningRate = learningRateAt(run.progress.step, options.schedule);
    if (!Number.isFinite(step.loss)) throw notFinite(step.loss);
    learner.optimizer.step(learningRate);
    run.addStep(step, learningRate);
    images += step.images;
    const { loss, accuracy } = step;
    options.meter.add(run.progress.step, {
      images: step.images,
      seconds: step.seconds,
      metrics: () => ({ loss, accuracy, learningRate }),
      row: [run.progress.step, loss, accuracy, learningRate],
    });
    await options.onStep?.({ progress: run.progress, takeState: () => run.takeState() });
  }
  return images / ((performance.now() - startedAt) / 1000);
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
