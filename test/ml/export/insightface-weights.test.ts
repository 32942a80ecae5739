import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backbone, buildBackbone, disposeBackbone } from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { insightfaceName } from '../../../src/ml/export/insightface-names.js';
import {
  readInsightfaceWeights,
  writeInsightfaceWeights,
} from '../../../src/ml/export/insightface-weights.js';
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from '../../../src/ml/export/safetensors.js';
import { spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();
const SIZE = 32;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-weights-'));
});
afterAll(() => rm(dir, { recursive: true }));

const build = (name: string, seed: number | null, embeddingSize = 8): Backbone =>
  buildBackbone(name, { embeddingSize, imageSize: SIZE }, seed === null ? null : createRandom(seed));

/** In training mode, so that the moving statistics move too. */
function embed(backbone: Backbone, training = false): number[] {
  const images = tf.tensor4d(spread(3 * SIZE * SIZE * 3), [3, SIZE, SIZE, 3]);
  const y = backbone.forward(images, training);
  const values = [...y.dataSync()];
  if (training) backbone.backward(y).dispose();
  else y.dispose();
  return values;
}

describe('names', () => {
  it.each([
    ['iresnet50', 'stem.conv/kernel', 'conv1.weight'],
    ['iresnet50', 'stem.bn/moving_variance', 'bn1.running_var'],
    ['iresnet50', 'stem.prelu/alpha', 'prelu.weight'],
    ['iresnet50', 'stage3.block13.conv2/kernel', 'layer3.13.conv2.weight'],
    ['iresnet50', 'stage1.block0.shortcut.conv/kernel', 'layer1.0.downsample.0.weight'],
    ['iresnet50', 'stage1.block0.shortcut.bn/beta', 'layer1.0.downsample.1.bias'],
    ['iresnet50', 'output.bn/gamma', 'bn2.weight'],
    ['iresnet50', 'embedding.fc/bias', 'fc.bias'],
    ['iresnet50', 'embedding.bn/moving_mean', 'features.running_mean'],
    ['mbf', 'stem2.conv/depthwise_kernel', 'layers.1.layers.0.weight'],
    ['mbf', 'down1.expand.prelu/alpha', 'layers.2.layers.0.layers.2.weight'],
    ['mbf', 'stage2.block5.project.bn/gamma', 'layers.5.layers.5.layers.2.layers.1.weight'],
    ['mobilefacenet', 'expand.conv/kernel', 'conv_sep.layers.0.weight'],
    ['mobilefacenet', 'output.conv/depthwise_kernel', 'features.layers.0.layers.0.weight'],
    ['mobilefacenet', 'embedding.fc/kernel', 'features.layers.2.weight'],
    ['mobilefacenet', 'embedding.bn/beta', 'features.layers.3.bias'],
  ] as const)('%s: %s is %s', (architecture, ours, theirs) => {
    expect(insightfaceName(architecture, ours)).toBe(theirs);
  });
});

describe.each(['mobilefacenet', 'mbf', 'iresnet18'])('a %s', (name) => {
  it('embeds the same after its weights were written and read, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    const path = join(dir, `${name}.safetensors`);
    const original = build(name, 1);
    embed(original, true);
    await writeInsightfaceWeights(path, original);
    const copy = build(name, null);
    await readInsightfaceWeights(path, copy);
    expect(embed(copy)).toEqual(embed(original));
    expect(new Set(embed(copy)).size).toBeGreaterThan(1);
    for (const backbone of [original, copy]) disposeBackbone(backbone);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a file that does not fit', () => {
  let path: string;
  let backbone: Backbone;
  let tensors: TensorToWrite[];
  beforeAll(async () => {
    path = join(dir, 'source.safetensors');
    backbone = build('mobilefacenet', 1);
    await writeInsightfaceWeights(path, backbone);
    const file = await SafetensorsFile.open(path);
    tensors = await Promise.all(
      [...file.tensors].map(async ([name, { type, shape }]): Promise<TensorToWrite> => {
        if (type === 'I64') return { name, type, shape, values: async () => new BigInt64Array(1) };
        const values = await file.readFloats(name);
        return { name, type: 'F32', shape, values: async () => values };
      }),
    );
    await file.close();
  });

  const reading = async (changed: readonly TensorToWrite[]) => {
    const changedPath = join(dir, 'changed.safetensors');
    await writeSafetensors(changedPath, changed, {});
    return readInsightfaceWeights(changedPath, backbone);
  };
  const one = (name: string, shape: number[], value = 0): TensorToWrite => ({
    name,
    type: 'F32',
    shape,
    values: async () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
  });
  const BIAS = 'features.layers.3.bias';

  it('is refused with the names of what is missing, unexpected and misshaped, and changes nothing', async () => {
    const before = embed(backbone);
    const count = tf.memory().numTensors;
    const kept = tensors.filter(({ name }) => name !== 'layers.0.layers.0.weight' && name !== BIAS);
    await expect(reading([...kept, one('fc.weight', [2]), one(BIAS, [9])])).rejects.toMatchObject({
      code: 'weights_mismatch',
      fault: 'data',
      message:
        'Expected the tensors of mobilefacenet; found a file without layers.0.layers.0.weight; with the unexpected ' +
        'fc.weight; with features.layers.3.bias [9] in place of [8].',
    });
    expect(embed(backbone)).toEqual(before);
    expect(tf.memory().numTensors).toBe(count);
  });

  it('names the first of many', async () => {
    const others = build('iresnet18', null);
    const message =
      /without conv1.weight, bn1.weight, bn1.bias, prelu.weight, layer1.0.bn1.weight and \d+ more; with/;
    await expect(readInsightfaceWeights(path, others)).rejects.toThrow(message);
    disposeBackbone(others);
  });

  it('is refused when it counts the batches of a batch norm that is not there', async () => {
    const counter = { name: 'bn9.num_batches_tracked', type: 'I64', shape: [] } as const;
    const changed = [...tensors, { ...counter, values: async () => new BigInt64Array(1) }];
    await expect(reading(changed)).rejects.toThrow('with the unexpected bn9.num_batches_tracked');
  });

  it('is refused with a value that is not finite, and changes nothing', async () => {
    const before = embed(backbone);
    const count = tf.memory().numTensors;
    const changed = tensors.map((tensor) => (tensor.name === BIAS ? one(BIAS, [8], Number.NaN) : tensor));
    await expect(reading(changed)).rejects.toThrow(`finite values of ${BIAS}`);
    expect(embed(backbone)).toEqual(before);
    expect(tf.memory().numTensors).toBe(count);
  });

  it('is taken without the counts of batches', async () => {
    await reading(tensors.filter(({ type }) => type === 'F32'));
  });
});
