import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SymbolicTensor } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import { type Engine, loadTensorFlow } from '../engine/load-tensorflow.js';
import type { Head } from '../heads/head.js';
import type { HeadSettings } from '../heads/head-settings.js';
import { writeInsightfaceWeights } from './insightface-weights.js';
import { LayersGraph } from './layers-graph.js';
import {
  type HeadDescription,
  MODEL_FILES,
  MODEL_FORMAT,
  type ModelConfig,
  type Preprocessing,
} from './model-files.js';

/** What tfjs hands to a save handler; its own name for the type is hidden by tfjs-node. */
type SaveHandler = Parameters<Engine['tf']['io']['withSaveHandler']>[0];
type LayersArtifacts = Parameters<SaveHandler>[0];

export type ModelToWrite = {
  readonly backbone: Backbone;
  readonly head: Head;
  readonly classNames: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly headSettings: HeadSettings;
  readonly config: Omit<ModelConfig, 'format'>;
};

/** Writes all files of a model but its metrics into an existing folder. Syncing and publishing are the caller's. */
export async function writeModel(dir: string, model: ModelToWrite): Promise<void> {
  await writeBackbone(dir, model.backbone);
  await writeInsightfaceWeights(join(dir, MODEL_FILES.safetensors), model.backbone);
  await writeHead(dir, model);
  await writeJson(dir, MODEL_FILES.classes, model.classNames);
  await writeJson(dir, MODEL_FILES.preprocessing, model.preprocessing);
  await writeJson(dir, MODEL_FILES.config, { format: MODEL_FORMAT, ...model.config });
}

export async function writeBackbone(dir: string, backbone: Backbone): Promise<void> {
  const { tf } = loadTensorFlow();
  const artifacts = await toLayersArtifacts(tf, backbone);
  const { modelTopology, weightSpecs, weightData, format, generatedBy } = artifacts;
  await writeJson(dir, MODEL_FILES.topology, {
    format,
    generatedBy,
    convertedBy: null,
    modelTopology,
    weightsManifest: [{ paths: [MODEL_FILES.weights], weights: weightSpecs }],
  });
  await writeFile(join(dir, MODEL_FILES.weights), toBuffer(weightData));
}

/** The backbone as a tfjs layers model's topology and weights; the model itself is freed. */
async function toLayersArtifacts(tf: Engine['tf'], backbone: Backbone): Promise<LayersArtifacts> {
  const graph = new LayersGraph(tf);
  const { imageSize } = backbone;
  const input = tf.input({ shape: [imageSize, imageSize, 3], name: 'images' });
  const output = backbone.toLayersModel(input as SymbolicTensor, graph);
  const model = tf.model({ inputs: input, outputs: output, name: 'backbone' });
  try {
    graph.assignWeights();
    return await new Promise((resolve, reject) => {
      const handler = tf.io.withSaveHandler(async (artifacts) => {
        resolve(artifacts);
        return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
      });
      model.save(handler).catch(reject);
    });
  } finally {
    model.dispose();
  }
}

async function writeHead(dir: string, { head, headSettings, classNames }: ModelToWrite): Promise<void> {
  const tensors = [...head.parameters, ...head.buffers];
  const description: HeadDescription = {
    format: MODEL_FORMAT,
    head: headSettings.loss,
    classCount: classNames.length,
    embeddingSize: head.parameters[0]?.value.shape[1] ?? 0,
    scale: headSettings.scale ?? null,
    settings: headSettings,
    weightsManifest: [
      {
        paths: [MODEL_FILES.headWeights],
        weights: tensors.map(({ name, value }) => ({ name, shape: value.shape, dtype: 'float32' })),
      },
    ],
  };
  await writeJson(dir, MODEL_FILES.head, description);
  const values = await Promise.all(tensors.map(({ value }) => value.data() as Promise<Float32Array>));
  const bytes = values.map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  await writeFile(join(dir, MODEL_FILES.headWeights), Buffer.concat(bytes));
}

function toBuffer(data: LayersArtifacts['weightData']): Uint8Array {
  if (data === undefined) throw new Error('tfjs saved a model without weights');
  const parts = Array.isArray(data) ? data : [data];
  return Buffer.concat(parts.map((part) => new Uint8Array(part)));
}

async function writeJson(dir: string, name: string, value: unknown): Promise<void> {
  await writeFile(join(dir, name), `${JSON.stringify(value, null, 1)}\n`);
}
