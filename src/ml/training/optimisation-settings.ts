import { countBatches } from '../data/batches.js';
import type { SamplerSettings } from '../data/samplers/sampler.js';
import { autoLearningRate, autoWarmupEpochs } from './auto-settings.js';
import type { Decay, MarginStages, ScheduleOptions } from './schedule.js';

/** How the weights move, as a request asks for it. What is left out has the defaults of `completeOptimisation`. */
export type OptimisationSettings = {
  readonly epochs: number;
  readonly optimizer?: 'sgd' | 'adamw' | undefined;
  /** The peak, after warm-up; `auto` fits it to the images per step. */
  readonly learningRate?: number | 'auto' | undefined;
  /** Of sgd. */
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  /** Of adamw. */
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly decayNormAndBias?: boolean | undefined;
  readonly accumulationSteps?: number | undefined;
  /** `auto` fits it to the length of the run. */
  readonly warmupEpochs: number | 'auto';
  readonly schedule?: Decay['kind'] | undefined;
  /** Of polynomial. */
  readonly schedulePower?: number | undefined;
  /** Of step, in epochs. */
  readonly scheduleMilestones?: readonly number[] | undefined;
  readonly scheduleGamma?: number | undefined;
  /** Of polynomial and cosine. */
  readonly finalLearningRate?: number | undefined;
  /** Longest gradient, over all parameters or those of the backbone. Left out: not clipped. */
  readonly clipNorm?: number | undefined;
  readonly clipScope?: 'all' | 'backbone' | undefined;
  /** Left out: the weights are not averaged. */
  readonly emaDecay?: number | undefined;
  readonly softmaxEpochs?: number | undefined;
  readonly marginWarmupEpochs?: number | undefined;
  /** Epochs without a better one before the training ends. Left out: it never ends early. */
  readonly patience?: number | undefined;
  readonly guardRetries?: number | undefined;
  /** First stages that stay as they begin: `stem`, `stage1`, …. */
  readonly freezeStages?: readonly string[] | undefined;
};

/** The same with every choice made. */
export type Optimisation = {
  readonly optimizer: OptimizerChoice;
  readonly learningRate: number;
  readonly accumulationSteps: number;
  readonly warmupEpochs: number;
  readonly decay: Decay;
  readonly finalLearningRate: number;
  readonly clip: { readonly norm: number; readonly scope: 'all' | 'backbone' } | null;
  readonly emaDecay: number | null;
  readonly softmaxEpochs: number;
  readonly marginWarmupEpochs: number;
  readonly patience: number | null;
  readonly guardRetries: number;
};

export type OptimizerChoice =
  | {
      readonly kind: 'sgd';
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
      readonly decayNormAndBias: boolean;
    }
  | {
      readonly kind: 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly weightDecay: number;
      readonly decayNormAndBias: boolean;
    };

/** A rate that trains with each optimizer; AdamW's and its decay are arcface_torch's for its ViTs. */
const DEFAULTS = {
  sgd: { learningRate: 0.05, weightDecay: 0.0005 },
  adamw: { learningRate: 0.001, weightDecay: 0.1 },
} as const;

const DEFAULT_GUARD_RETRIES = 3;

export type StepCounts = { readonly stepsPerEpoch: number; readonly totalSteps: number };

/** What `auto` looks at. */
export type RunSize = {
  readonly batchSize: number;
  readonly trainingImages: number;
  /** Left out: `each-image`. */
  readonly sampler?: SamplerSettings['sampler'];
};

/** Fills in what a request leaves out or asks to be fitted. */
export function completeOptimisation(settings: OptimisationSettings, size: RunSize): Optimisation {
  const { optimizer: kind = 'sgd', weightDecay = DEFAULTS[kind].weightDecay } = settings;
  const { decayNormAndBias = true } = settings;
  const common = { weightDecay, decayNormAndBias };
  const { momentum = 0.9, nesterov = false, beta1 = 0.9, beta2 = 0.999 } = settings;
  const { accumulationSteps = 1, epochs, warmupEpochs: warmup } = settings;
  // An epoch's last step takes what is left, so a step never has more images than an epoch.
  const imagesPerStep = Math.min(size.batchSize * accumulationSteps, size.trainingImages);
  const stepsPerEpoch = Math.ceil(countBatches(size.trainingImages, size) / accumulationSteps);
  const rate = settings.learningRate ?? DEFAULTS[kind].learningRate;
  return {
    optimizer: kind === 'sgd' ? { kind, momentum, nesterov, ...common } : { kind, beta1, beta2, ...common },
    learningRate: rate === 'auto' ? autoLearningRate(kind, imagesPerStep) : rate,
    accumulationSteps,
    warmupEpochs:
      warmup === 'auto'
        ? autoWarmupEpochs(kind === 'adamw' ? beta2 : null, { stepsPerEpoch, epochs })
        : warmup,
    decay: decayOf(settings),
    finalLearningRate: settings.finalLearningRate ?? 0,
    clip:
      settings.clipNorm === undefined
        ? null
        : { norm: settings.clipNorm, scope: settings.clipScope ?? 'all' },
    emaDecay: settings.emaDecay ?? null,
    softmaxEpochs: settings.softmaxEpochs ?? 0,
    marginWarmupEpochs: settings.marginWarmupEpochs ?? 0,
    patience: settings.patience ?? null,
    guardRetries: settings.guardRetries ?? DEFAULT_GUARD_RETRIES,
  };
}

function decayOf(settings: OptimisationSettings): Decay {
  const { schedule: kind = 'polynomial', schedulePower = 1, scheduleMilestones = [] } = settings;
  const { scheduleGamma = 0.1 } = settings;
  if (kind === 'polynomial') return { kind, power: schedulePower };
  if (kind === 'step') return { kind, milestones: scheduleMilestones, gamma: scheduleGamma };
  return { kind };
}

/** The learning rate's schedule in steps. */
export function toSchedule(
  { learningRate, finalLearningRate, warmupEpochs, decay }: Optimisation,
  { stepsPerEpoch, totalSteps }: StepCounts,
): ScheduleOptions {
  const warmupSteps = Math.round(warmupEpochs * stepsPerEpoch);
  return { peak: learningRate, final: finalLearningRate, warmupSteps, stepsPerEpoch, totalSteps, decay };
}

/** The stages of the margin in steps. */
export function toMarginStages(
  { softmaxEpochs, marginWarmupEpochs }: Optimisation,
  { stepsPerEpoch }: StepCounts,
): MarginStages {
  return {
    softmaxSteps: Math.round(softmaxEpochs * stepsPerEpoch),
    warmupSteps: Math.round(marginWarmupEpochs * stepsPerEpoch),
  };
}
