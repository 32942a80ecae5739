import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackboneName, buildBackbone } from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { preprocessingOf } from '../../../src/ml/export/preprocessing.js';
import { readModel } from '../../../src/ml/export/read-model.js';
import { writeModel } from '../../../src/ml/export/write-model.js';
import { ArcfaceHead } from '../../../src/ml/heads/arcface.js';
import { relativeError, spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();
const images = () => tf.tensor4d(spread(2 * 112 * 112 * 3), [2, 112, 112, 3]);
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-model-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Writes a fresh model whose batch norms have followed one batch, and returns its embeddings. */
async function writeFreshModel(name: BackboneName): Promise<Float32Array> {
  const random = createRandom(5);
  const backbone = buildBackbone(name, { embeddingSize: 8 }, random);
  const labels = tf.tensor1d([0, 1], 'int32');
  const head = ArcfaceHead.build({ classCount: 3, embeddingSize: 8, scale: 20, marginRadians: 0.5 }, random);
  const trained = backbone.forward(images(), true);
  backbone.backward(head.lossAndGradient(trained, labels).embeddingGradient);
  await writeModel(dir, {
    backbone,
    head,
    classNames: ['a', 'b', 'c'],
    preprocessing: preprocessingOf(112),
    scale: 20,
    marginRadians: 0.5,
    config: { backbone: name, embeddingSize: 8, request: {} },
  });
  return backbone.forward(images(), false).dataSync() as Float32Array;
}

describe.each(['mobilefacenet', 'mbf', 'iresnet18'] as const)('a written %s', (name) => {
  it('embeds alike when tfjs loads it as a layers model', async () => {
    const expected = await writeFreshModel(name);
    const model = await tf.loadLayersModel(tf.io.fileSystem(join(dir, 'model.json')));
    const y = model.predict(images());
    expect(relativeError((Array.isArray(y) ? [] : y.dataSync()) as Float32Array, expected)).toBeLessThan(
      1e-4,
    );
  });

  it('embeds and predicts alike when it is read back', async () => {
    const expected = await writeFreshModel(name);
    const model = await readModel(dir);
    expect(relativeError(model.backbone.forward(images(), false).dataSync(), expected)).toBeLessThan(1e-6);
    expect(model.classNames).toEqual(['a', 'b', 'c']);
    expect(model.scale).toBe(20);
  });
});

describe('a damaged model is refused with what was expected and found', () => {
  beforeEach(() => writeFreshModel('mobilefacenet'));

  it('truncated weights', async () => {
    await truncate(join(dir, 'weights.bin'), 1000);
    await expect(readModel(dir)).rejects.toThrow(/expected \d+ bytes in weights.bin; found 1000/);
  });

  it('a missing file', async () => {
    await rm(join(dir, 'head.json'));
    await expect(readModel(dir)).rejects.toThrow(/head.json/);
  });

  it('another format', async () => {
    const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
    await writeFile(join(dir, 'config.json'), JSON.stringify({ ...config, format: 'other/9' }));
    await expect(readModel(dir)).rejects.toThrow(/expected the format arcqueue-model\/1; found other\/9/);
  });
});
