import { createRandom, deriveSeed, type Random } from '../data/random.js';
import { Dropout } from '../layers/dropout.js';
import type { Layer } from '../layers/layer.js';
import { Sequential } from '../layers/sequential.js';
import { MlError } from '../ml-error.js';
import { iresnetLayers } from './iresnet.js';
import type { LayersOptions } from './layers-options.js';
import { mobilefacenetLayers } from './mobilefacenet.js';

/** Side of the square input images, in pixels, where nothing else is asked for. */
export const DEFAULT_IMAGE_SIZE = 112;
/** Every backbone halves the image four times, so its side must be a multiple of this. */
export const IMAGE_SIZE_STEP = 16;
/** Keeps the dropout's seed apart from others that are derived from the same generator. */
const DROPOUT_STREAM = 1;

export type BackboneOptions = {
  readonly embeddingSize: number;
  /** Side of the square input images, in pixels: a multiple of 16. */
  readonly imageSize?: number;
  /** Share of the features that a training step drops before the last linear layer, 0 ≤ dropout < 1. */
  readonly dropout?: number;
};

/** Images [n, imageSize, imageSize, 3] in [−1, 1] → embeddings [n, embeddingSize], not normalised. */
export interface Backbone extends Layer {
  readonly architecture: BackboneName;
  readonly embeddingSize: number;
  readonly imageSize: number;
}

const builders = {
  mobilefacenet: (options: LayersOptions) => mobilefacenetLayers('mobilefacenet', options),
  mbf: (options: LayersOptions) => mobilefacenetLayers('mbf', options),
  iresnet18: (options: LayersOptions) => iresnetLayers([2, 2, 2, 2], options),
  iresnet34: (options: LayersOptions) => iresnetLayers([3, 4, 6, 3], options),
  iresnet50: (options: LayersOptions) => iresnetLayers([3, 4, 14, 3], options),
  iresnet100: (options: LayersOptions) => iresnetLayers([3, 13, 30, 3], options),
} as const;
export type BackboneName = keyof typeof builders;
export const BACKBONE_NAMES = Object.keys(builders) as readonly BackboneName[];

/**
 * Builds a backbone with fresh weights.
 * @param random without it, the weights are 0: for a network whose weights are read from a file
 * @throws MlError `backbone_unknown`, `image_size_unfit` or `dropout_out_of_range`
 */
export function buildBackbone(name: string, options: BackboneOptions, random: Random | null): Backbone {
  if (!isBackboneName(name)) {
    const known = BACKBONE_NAMES.join(', ');
    throw new MlError('backbone_unknown', 'user', `Expected a backbone of ${known}; found "${name}".`);
  }
  const { embeddingSize, imageSize = DEFAULT_IMAGE_SIZE, dropout = 0 } = options;
  assertImageSize(imageSize);
  const lastSide = imageSize / IMAGE_SIZE_STEP;
  const beforeLinear = dropout === 0 ? [] : [buildDropout(dropout, random)];
  const layers = builders[name]({ embeddingSize, lastSide, random, beforeLinear });
  return new LayeredBackbone(layers, name, embeddingSize, imageSize);
}

function isBackboneName(name: string): name is BackboneName {
  return Object.hasOwn(builders, name);
}

function assertImageSize(imageSize: number): void {
  if (Number.isInteger(imageSize) && imageSize > 0 && imageSize % IMAGE_SIZE_STEP === 0) return;
  const below = Math.max(1, Math.floor(imageSize / IMAGE_SIZE_STEP) || 1) * IMAGE_SIZE_STEP;
  throw new MlError(
    'image_size_unfit',
    'user',
    `Expected an imageSize that is a multiple of ${IMAGE_SIZE_STEP}, such as ${below} or ${below + IMAGE_SIZE_STEP}; ` +
      `found ${imageSize}.`,
  );
}

function buildDropout(rate: number, random: Random | null): Dropout {
  if (!(rate > 0 && rate < 1)) {
    const message = `Expected a dropout of at least 0 and below 1; found ${rate}.`;
    throw new MlError('dropout_out_of_range', 'user', message);
  }
  // Derived rather than drawn: with and without dropout, a seed gives the same weights.
  const seed = random === null ? 0 : deriveSeed(DROPOUT_STREAM, ...random.state);
  return new Dropout('embedding.dropout', rate, createRandom(seed));
}

class LayeredBackbone extends Sequential implements Backbone {
  constructor(
    layers: readonly Layer[],
    readonly architecture: BackboneName,
    readonly embeddingSize: number,
    readonly imageSize: number,
  ) {
    super(layers);
  }
}

/** The number of trained values. */
export function countParameters(backbone: Backbone): number {
  return backbone.parameters.reduce((sum, { value }) => sum + value.size, 0);
}

export function disposeBackbone(backbone: Backbone): void {
  for (const { value } of [...backbone.parameters, ...backbone.buffers]) value.dispose();
  for (const { gradient } of backbone.parameters) gradient?.dispose();
}
