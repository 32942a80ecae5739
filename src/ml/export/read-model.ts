import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Backbone, buildBackbone, disposeBackbone } from '../backbones/backbone.js';
import { createRandom } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { assembleHead } from '../heads/build-head.js';
import { disposeHead, type Head } from '../heads/head.js';
import { resolveSettings } from '../heads/head-settings.js';
import { disposeTensors, restoreTensors } from '../layers/named-tensors.js';
import { MlError } from '../ml-error.js';
import {
  type HeadDescription,
  MODEL_FILES,
  MODEL_FORMAT,
  type ModelConfig,
  type WeightSpec,
  type WeightsGroup,
} from './model-files.js';

export type LoadedModel = {
  readonly backbone: Backbone;
  readonly head: Head;
  readonly classNames: readonly string[];
};

/**
 * Rebuilds a published model's network with its weights.
 * @throws MlError `model_unreadable` when a file is missing, damaged or of another format, `weights_mismatch`
 */
export async function readModel(dir: string): Promise<LoadedModel> {
  const config = await readJson<ModelConfig>(dir, MODEL_FILES.config);
  const head = await readJson<HeadDescription>(dir, MODEL_FILES.head);
  for (const { format } of [config, head]) {
    if (format !== MODEL_FORMAT) throw unreadable(`expected the format ${MODEL_FORMAT}; found ${format}`);
  }
  const classNames = await readJson<string[]>(dir, MODEL_FILES.classes);
  if (classNames.length !== head.classCount) {
    throw unreadable(`expected ${head.classCount} class names; found ${classNames.length}`);
  }
  const { weightsManifest } = await readJson<{ weightsManifest: WeightsGroup[] }>(dir, MODEL_FILES.topology);
  const weights = await readWeights(dir, MODEL_FILES.weights, weightsManifest[0]?.weights ?? []);
  try {
    const backbone = buildBackbone(config.backbone, config, null);
    try {
      restoreTensors([...backbone.parameters, ...backbone.buffers], reshapeLike(backbone, weights));
      return { backbone, head: await readHead(dir, head), classNames };
    } catch (error) {
      disposeBackbone(backbone);
      throw error;
    }
  } finally {
    disposeTensors(weights);
  }
}

async function readHead(dir: string, description: HeadDescription): Promise<Head> {
  const weights = await readWeights(dir, MODEL_FILES.headWeights, description.weightsManifest[0].weights);
  try {
    const centres = weights.get('head/centres');
    if (centres === undefined) throw unreadable(`${MODEL_FILES.head} names no head/centres`);
    const { settings, scale } = description;
    const older = () => resolveSettings({ scale: scale ?? undefined }, description.classCount);
    const bias = weights.get('head/bias') ?? null;
    const head = assembleHead(settings ?? older(), { centres, bias }, createRandom(0));
    // The head's from here on.
    for (const { name } of head.parameters) weights.delete(name);
    try {
      for (const { name } of head.buffers) {
        if (!weights.has(name)) throw unreadable(`${MODEL_FILES.head} names no ${name}`);
      }
      restoreTensors(head.buffers, weights);
      return head;
    } catch (error) {
      disposeHead(head);
      throw error;
    }
  } finally {
    disposeTensors(weights);
  }
}

async function readWeights(dir: string, name: string, specs: WeightSpec[]): Promise<Map<string, Tensor>> {
  const { tf } = loadTensorFlow();
  const bytes = await readFile(join(dir, name)).catch((error: Error) => {
    throw unreadable(`${name}: ${error.message}`);
  });
  const expected = specs.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  if (bytes.byteLength !== expected) {
    throw unreadable(`expected ${expected} bytes in ${name}; found ${bytes.byteLength}`);
  }
  const data = new Uint8Array(bytes).buffer;
  return new Map(Object.entries(tf.io.decodeWeights(data, specs)));
}

/** tfjs keeps a PReLU's slopes as [1, 1, c]; the network as [c]. Replaces such tensors in `weights`. */
function reshapeLike(backbone: Backbone, weights: Map<string, Tensor>): Map<string, Tensor> {
  for (const { name, value } of backbone.parameters) {
    const found = weights.get(name);
    if (found === undefined || found.size !== value.size || found.rank === value.rank) continue;
    weights.set(name, found.reshape(value.shape));
    found.dispose();
  }
  return weights;
}

async function readJson<T>(dir: string, name: string): Promise<T> {
  try {
    return JSON.parse(await readFile(join(dir, name), 'utf8')) as T;
  } catch (error) {
    throw unreadable(`${name}: ${(error as Error).message}`);
  }
}

function unreadable(detail: string): MlError {
  return new MlError('model_unreadable', 'infrastructure', `The model cannot be read: ${detail}.`);
}
