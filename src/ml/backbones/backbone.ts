import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import type { Layer } from '../layers/layer.js';
import { MlError } from '../ml-error.js';
import { buildIresnet18 } from './iresnet.js';
import { buildMobilefacenet } from './mobilefacenet.js';

/** Side of the square input images, in pixels. */
export const IMAGE_SIZE = 112;

/** Images [n, 112, 112, 3] in [−1, 1] → embeddings [n, embeddingSize], not normalised. */
export type Backbone = Layer;

const builders = { mobilefacenet: buildMobilefacenet, iresnet18: buildIresnet18 } as const;
export type BackboneName = keyof typeof builders;

/** Builds a backbone with fresh weights. @throws MlError `backbone_unknown` */
export function buildBackbone(name: string, embeddingSize: number, random: Random): Backbone {
  if (!(name in builders)) {
    const known = Object.keys(builders).join(', ');
    throw new MlError('backbone_unknown', 'user', `Expected a backbone of ${known}; found "${name}".`);
  }
  return builders[name as BackboneName](embeddingSize, random);
}

/** The number of trained values. */
export function countParameters(backbone: Backbone): number {
  return backbone.parameters.reduce((sum, { value }) => sum + value.size, 0);
}

/** References to all values that inference needs, by name; disposing them leaves the network alive. */
export type Snapshot = Map<string, Tensor>;

export function takeSnapshot(backbone: Backbone): Snapshot {
  const entries = [...backbone.parameters, ...backbone.buffers];
  return new Map(entries.map(({ name, value }) => [name, value.clone()]));
}

/**
 * Puts a snapshot's values into a network of the same architecture. The snapshot stays the caller's.
 * @throws MlError `weights_mismatch` naming the first tensor that is missing or has another shape
 */
export function restoreSnapshot(backbone: Backbone, snapshot: Snapshot): void {
  const entries = [...backbone.parameters, ...backbone.buffers];
  for (const { name, value } of entries) {
    const found = snapshot.get(name);
    if (found?.shape.join() === value.shape.join()) continue;
    const foundShape = found === undefined ? 'nothing' : `[${found.shape}]`;
    throw new MlError('weights_mismatch', 'data', `Expected ${name} [${value.shape}]; found ${foundShape}.`);
  }
  for (const entry of entries) {
    entry.value.dispose();
    entry.value = (snapshot.get(entry.name) as Tensor).clone();
  }
}

export function disposeSnapshot(snapshot: Snapshot): void {
  for (const tensor of snapshot.values()) tensor.dispose();
}

export function disposeBackbone(backbone: Backbone): void {
  for (const { value } of [...backbone.parameters, ...backbone.buffers]) value.dispose();
  for (const { gradient } of backbone.parameters) gradient?.dispose();
}
