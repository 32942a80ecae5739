/** The files of a published model (docs/model-format.md). */
export const MODEL_FILES = {
  /** tfjs layers model of the backbone: images [n, imageSize, imageSize, 3] → embeddings [n, embeddingSize]. */
  topology: 'model.json',
  weights: 'weights.bin',
  /** The same weights with InsightFace's PyTorch names and layouts. */
  safetensors: 'backbone.safetensors',
  /** Class centres, scale and margin; a tfjs weights manifest with its own data file. */
  head: 'head.json',
  headWeights: 'head.bin',
  classes: 'classes.json',
  preprocessing: 'preprocessing.json',
  config: 'config.json',
  metrics: 'metrics.jsonl',
  /** What was validated on, and what was kept from the training. */
  split: 'split.json',
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
  readonly head: 'arcface';
  readonly classCount: number;
  readonly embeddingSize: number;
  readonly scale: number;
  readonly marginRadians: number;
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
