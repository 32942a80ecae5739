import type { CheckpointSettings } from '../checkpoints/checkpoint-schedule.js';
import type { AugmentationSettings } from '../data/augmentation/augmentation-settings.js';
import type { SamplerSettings } from '../data/samplers/sampler.js';
import type { SplitSettings } from '../data/split-dataset.js';
import type { OnnxForm } from '../export/onnx/export-onnx.js';
import type { LossSettings } from '../heads/head-settings.js';
import type { OptimisationSettings } from './optimisation-settings.js';

/** What a training reads, in which order, and what it holds out. */
export type DataSettings = SamplerSettings &
  SplitSettings & {
    readonly classCount?: number | undefined;
    readonly batchSize: number;
    /** Left out: half of the images are mirrored. */
    readonly augmentation?: AugmentationSettings | undefined;
    readonly seed: number;
  };

export type NetworkSettings = {
  readonly backbone: string;
  readonly embeddingSize: number;
  /** Side of the square images that the network sees, in pixels. */
  readonly imageSize: number;
  /** Share of the features that a step drops before the last linear layer. */
  readonly dropout: number;
};

export type ExportSettings = {
  /** Forms of the trained network beside those that every model has. */
  readonly exports: readonly OnnxForm[];
};

/** A training's hyperparameters; their ranges are checked where the request comes in. */
export type TrainingRequest = DataSettings &
  NetworkSettings &
  LossSettings &
  OptimisationSettings &
  ExportSettings &
  CheckpointSettings;
