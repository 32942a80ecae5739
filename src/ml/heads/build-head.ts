import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { normalTensor } from '../backbones/initialise.js';
import { createRandom, type Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { MlError } from '../ml-error.js';
import { adaface } from './adaface.js';
import { arcface } from './arcface.js';
import { combined } from './combined.js';
import { cosface } from './cosface.js';
import { CosineHead } from './cosine-head.js';
import type { CosineLoss } from './cosine-loss.js';
import { curricularface } from './curricularface.js';
import type { Head } from './head.js';
import {
  COSINE_DEFAULTS,
  type HeadSettings,
  LOSS_DEFAULTS,
  type LossName,
  type LossSettings,
  resolveSettings,
  type SettingsOf,
  SHARED_DEFAULTS,
} from './head-settings.js';
import { LinearHead } from './linear-head.js';
import { magface } from './magface.js';
import { normface } from './normface.js';
import { sphereface } from './sphereface.js';

/** InsightFace draws the class centres from N(0, 0.01²); only their direction matters. */
const CENTRE_DEVIATION = 0.01;

export type HeadShape = { readonly classCount: number; readonly embeddingSize: number };

type CosineLossName = Exclude<LossName, 'softmax'>;
const losses: { [L in CosineLossName]: (settings: SettingsOf<L>, scale: number) => CosineLoss } = {
  normface,
  cosface,
  arcface,
  combined,
  sphereface,
  curricularface,
  adaface,
  magface,
};

/**
 * Builds a head with fresh centres.
 * @throws MlError `loss_unknown`, or what the loss says of its settings
 */
export function buildHead(request: LossSettings, shape: HeadShape, random: Random): Head {
  const settings = resolveSettings(request, shape.classCount);
  assertKnown(settings.loss);
  const rows = shape.classCount * (settings.subCenters ?? 1);
  const centres = normalTensor([rows, shape.embeddingSize], CENTRE_DEVIATION, random);
  // A generator of its own: how often classes are drawn must not move what else the seed decides.
  const sampler = createRandom(random.integer(2 ** 31));
  try {
    return assembleHead(settings, { centres, bias: null }, sampler);
  } catch (error) {
    centres.dispose();
    throw error;
  }
}

/** The trained tensors of a head, which takes them over. `bias` [classes] is a linear head's; null: zeros. */
export type HeadWeights = { readonly centres: Tensor; readonly bias: Tensor | null };

/** A head around given weights, which stay the caller's when it throws. @throws MlError as `buildHead` */
export function assembleHead(settings: HeadSettings, weights: HeadWeights, sampler: Random): Head {
  const { tf } = loadTensorFlow();
  assertKnown(settings.loss);
  const { loss, scale = 1 } = settings;
  const { sampleRate, labelSmoothing } = { ...SHARED_DEFAULTS, ...settings };
  const { subCenters, interclassFilter } = { ...COSINE_DEFAULTS, ...settings };
  const { centres, bias } = weights;
  const [rows = 0] = centres.shape;
  if (loss === 'softmax') {
    const options = { classCount: rows, sampleRate, labelSmoothing };
    return new LinearHead(options, centres, bias ?? tf.zeros([rows]), sampler);
  }
  const classCount = rows / subCenters;
  const options = { classCount, scale, subCenters, sampleRate, interclassFilter, labelSmoothing };
  const build = losses[loss] as (settings: object, scale: number) => CosineLoss;
  return new CosineHead(build({ ...LOSS_DEFAULTS[loss], ...settings }, scale), options, centres, sampler);
}

function assertKnown(loss: string): void {
  if (loss in LOSS_DEFAULTS) return;
  const known = Object.keys(LOSS_DEFAULTS).join(', ');
  throw new MlError('loss_unknown', 'user', `Expected a loss of ${known}; found "${loss}".`);
}
