import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { MlError } from '../ml-error.js';
import { BATCH_COUNT, type InsightfaceTensor, insightfaceTensors } from './insightface-names.js';
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from './safetensors.js';
import type { TensorEntry } from './safetensors-header.js';

/** Tensors that a refusal names of each kind. */
const LISTED_TENSORS = 5;

/**
 * Writes a backbone's weights and statistics as safetensors with InsightFace's names and PyTorch's layouts: what
 * `load_state_dict` of the same network takes, strictly.
 */
export async function writeInsightfaceWeights(path: string, backbone: Backbone): Promise<void> {
  const { tf } = loadTensorFlow();
  const tensors = insightfaceTensors(backbone).flatMap(({ name, layout, entry }): TensorToWrite[] => {
    const values = async () => {
      const theirs = tf.tidy(() => layout.toPytorch(entry.value).clone());
      try {
        return (await theirs.data()) as Float32Array;
      } finally {
        theirs.dispose();
      }
    };
    const weights = { name, type: 'F32', shape: layout.shape, values } as const;
    if (!name.endsWith('.running_var')) return [weights];
    const counter = name.replace(/running_var$/, BATCH_COUNT);
    return [weights, { name: counter, type: 'I64', shape: [], values: async () => new BigInt64Array(1) }];
  });
  const { architecture, embeddingSize, imageSize } = backbone;
  await writeSafetensors(path, tensors, {
    format: 'pt',
    architecture,
    embeddingSize: `${embeddingSize}`,
    imageSize: `${imageSize}`,
  });
}

/**
 * Puts the weights and statistics of a safetensors file with InsightFace's names into a backbone. The file must hold each
 * tensor of the network in its shape, and nothing else; `num_batches_tracked` may be there or not. A network stays
 * as it was when the file is refused.
 * @throws MlError `weights_mismatch` naming tensors that are missing, unexpected, of another shape or not finite;
 * `safetensors_unreadable` or `safetensors_invalid`
 */
export async function readInsightfaceWeights(path: string, backbone: Backbone): Promise<void> {
  const { tf } = loadTensorFlow();
  const wanted = insightfaceTensors(backbone);
  const file = await SafetensorsFile.open(path);
  const read: Tensor[] = [];
  try {
    assertMatching(wanted, file.tensors, backbone.architecture);
    for (const { name, layout } of wanted) {
      const values = await file.readFloats(name);
      if (!values.every(Number.isFinite)) throw mismatch(`finite values of ${name}`, 'others');
      read.push(tf.tidy(() => layout.fromPytorch(tf.tensor(values, [...layout.shape])).clone()));
    }
  } catch (error) {
    for (const tensor of read) tensor.dispose();
    throw error;
  } finally {
    await file.close();
  }
  wanted.forEach(({ entry }, index) => {
    entry.value.dispose();
    entry.value = read[index] as Tensor;
  });
}

function assertMatching(
  wanted: readonly InsightfaceTensor[],
  found: ReadonlyMap<string, TensorEntry>,
  architecture: string,
): void {
  const names = new Set(wanted.map(({ name }) => name));
  const missing = [...names].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter(
    (name) => !names.has(name) && !(name.endsWith(`.${BATCH_COUNT}`) && isStatistic(name, names)),
  );
  const shapes = wanted.flatMap(({ name, layout }) => {
    const shape = found.get(name)?.shape;
    if (shape === undefined || shape.join() === layout.shape.join()) return [];
    return [`${name} [${shape}] in place of [${layout.shape}]`];
  });
  const faults = [
    ['without', missing],
    ['with the unexpected', unexpected],
    ['with', shapes],
  ] as const;
  const told = faults.flatMap(([how, list]) => (list.length === 0 ? [] : [`${how} ${listed(list)}`]));
  if (told.length > 0) throw mismatch(`the tensors of ${architecture}`, `a file ${told.join('; ')}`);
}

/** Whether a counter belongs to a batch norm of the network. */
function isStatistic(name: string, names: ReadonlySet<string>): boolean {
  return names.has(name.replace(BATCH_COUNT, 'running_var'));
}

function listed(names: readonly string[]): string {
  const more = names.length - LISTED_TENSORS;
  return names.slice(0, LISTED_TENSORS).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function mismatch(expected: string, found: string): MlError {
  return new MlError('weights_mismatch', 'data', `Expected ${expected}; found ${found}.`);
}
