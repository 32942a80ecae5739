import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Backbone, disposeBackbone } from '../backbones/backbone.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { readModel } from '../export/read-model.js';
import type { Head } from '../heads/head.js';
import type { Parameter } from '../layers/layer.js';
import { disposeTensors } from '../layers/named-tensors.js';
import { MlError } from '../ml-error.js';
import { type Network, restoreWeights, takeWeights } from './network-weights.js';

/** How the weights before a training came to be; for the job's result. */
export type WarmStart = {
  /** Classes whose centres were carried over by name. */
  readonly carriedClasses: number;
  /** Classes that the model did not have; their centres are fresh. */
  readonly newClasses: number;
};

/**
 * Starts a network from a published model: the backbone's weights and statistics, and the centre of each class that
 * the model knows by that name. Other classes keep their fresh centres; classes that only the model has are dropped.
 * @param classNames of the network's head, by index
 * @throws MlError `model_unfit` when the backbones differ
 */
export async function startFromModel(
  network: Network,
  classNames: readonly string[],
  modelDir: string,
): Promise<WarmStart> {
  const model = await readModel(modelDir);
  try {
    assertSameBackbone(network.backbone, model.backbone);
    const weights = takeWeights({ backbone: model.backbone, head: network.head });
    restoreWeights(network, weights);
    disposeTensors(weights);
    return carryClasses(network.head, classNames, model);
  } finally {
    disposeBackbone(model.backbone);
    for (const { value } of [...model.head.parameters, ...model.head.buffers]) value.dispose();
  }
}

function assertSameBackbone(wanted: Backbone, found: Backbone): void {
  const describe = ({ architecture, embeddingSize, imageSize }: Backbone) =>
    `backbone ${architecture}, embeddingSize ${embeddingSize}, imageSize ${imageSize}`;
  if (describe(wanted) === describe(found)) return;
  const message = `Expected initFrom to name a model of ${describe(wanted)}; found one of ${describe(found)}.`;
  throw new MlError('model_unfit', 'user', message);
}

/** Moves what belongs to a class, in every parameter of the head that has rows for classes, to where it now is. */
function carryClasses(
  head: Head,
  classNames: readonly string[],
  model: { readonly head: Head; readonly classNames: readonly string[] },
): WarmStart {
  const indexByName = new Map(model.classNames.map((name, index) => [name, index]));
  const sources = classNames.map((name) => indexByName.get(name) ?? null);
  const fits = head.parameters.map((parameter) => {
    const from = model.head.parameters.find(({ name }) => name === parameter.name);
    if (from === undefined) return false;
    return carryRows(parameter, { from: from.value, sources, fromClasses: model.classNames.length });
  });
  // The centres come first in every head; a bias alone carries no class.
  const carriedClasses = fits[0] ? sources.filter((source) => source !== null).length : 0;
  return { carriedClasses, newClasses: sources.length - carriedClasses };
}

/**
 * A class has one row, or with sub-centres several in a row. Where their number differs, nothing fits and all stay fresh.
 * @returns whether they fitted
 */
function carryRows(
  parameter: Parameter,
  rows: {
    readonly from: Tensor;
    readonly sources: readonly (number | null)[];
    readonly fromClasses: number;
  },
): boolean {
  const { from, sources, fromClasses } = rows;
  const { tf } = loadTensorFlow();
  const shape = parameter.value.shape;
  const perClass = parameter.value.size / sources.length;
  if (from.size / fromClasses !== perClass) return false;
  const values = parameter.value.dataSync().slice();
  const carried = from.dataSync();
  for (const [index, source] of sources.entries()) {
    if (source === null) continue;
    values.set(carried.subarray(source * perClass, (source + 1) * perClass), index * perClass);
  }
  parameter.value.dispose();
  parameter.value = tf.tensor(values, shape, 'float32');
  return true;
}
