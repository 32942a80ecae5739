import type { HeadSettings, LossName } from '../heads/head-settings.js';

/** The files of a published model (docs/model-format.md). */
export const MODEL_FILES = {
  /** tfjs layers model of the backbone: images [n, imageSize, imageSize, 3] → embeddings [n, embeddingSize]. */
  topology: 'model.json',
  weights: 'weights.bin',
  /** The same weights with InsightFace's PyTorch names and layouts. */
  safetensors: 'backbone.safetensors',
  /** The loss with its settings, class centres and running statistics; a tfjs weights manifest with its own data file. */
  head: 'head.json',
  headWeights: 'head.bin',
  classes: 'classes.json',
  preprocessing: 'preprocessing.json',
  config: 'config.json',
  metrics: 'metrics.jsonl',
  /** What was validated on, and what was kept from the training. */
  split: 'split.json',
  /** Training images that probably bear a wrong label; of a head with sub-centres. */
  outliers: 'outliers.json',
} as const;

export const MODEL_FORMAT = 'arcqueue-model/1';

/** What turns an image file into the network's input. */
export type Preprocessing = {
  readonly imageSize: number;
  readonly colour: 'RGB';
  /** How an image of another shape becomes square. */
  readonly fit: string;
  /** input = (value − mean) / divisor, per channel value 0 to 255. */
  readonly mean: number;
  readonly divisor: number;
};

/** One tensor of a tfjs weights manifest. */
export type WeightSpec = { readonly name: string; readonly shape: number[]; readonly dtype: 'float32' };
export type WeightsGroup = { readonly paths: readonly string[]; readonly weights: WeightSpec[] };

export type HeadDescription = {
  readonly format: typeof MODEL_FORMAT;
  readonly head: LossName;
  readonly classCount: number;
  readonly embeddingSize: number;
  /** What the cosines are multiplied by; null for softmax and SphereFace, whose logits have a length of their own. */
  readonly scale: number | null;
  /** Left out by models older than the choice of losses, which are ArcFace's. */
  readonly settings?: HeadSettings;
  readonly weightsManifest: readonly [WeightsGroup];
};

/** The part of config.json that rebuilding the network needs; the whole request is stored with it. */
export type ModelConfig = {
  readonly format: typeof MODEL_FORMAT;
  readonly backbone: string;
  readonly embeddingSize: number;
  /** Left out by models from before it could be chosen: 112. */
  readonly imageSize?: number;
  readonly request: Readonly<Record<string, unknown>>;
};
