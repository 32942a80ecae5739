import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBackbone, disposeBackbone } from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { preprocessingOf } from '../../../src/ml/export/preprocessing.js';
import { readModel } from '../../../src/ml/export/read-model.js';
import { writeModel } from '../../../src/ml/export/write-model.js';
import { buildHead } from '../../../src/ml/heads/build-head.js';
import { disposeHead } from '../../../src/ml/heads/head.js';
import { LOSS_DEFAULTS, type LossSettings, resolveSettings } from '../../../src/ml/heads/head-settings.js';
import { spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();
const backbone = buildBackbone('mobilefacenet', { embeddingSize: 8 }, createRandom(5));
const embeddings = tf.tensor2d(spread(16, 0.3), [2, 8]);
const labels = tf.tensor1d([0, 2], 'int32');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-head-'));
});
afterAll(async () => {
  disposeBackbone(backbone);
  await rm(dir, { recursive: true });
});

/** Writes a model whose head has seen a batch, so that its statistics are not those of a fresh one. */
async function writeWith(request: LossSettings) {
  const headSettings = resolveSettings(request, 3);
  const head = buildHead(headSettings, { classCount: 3, embeddingSize: 8 }, createRandom(7));
  head.lossAndGradient(embeddings, labels).embeddingGradient.dispose();
  await writeModel(dir, {
    backbone,
    head,
    headSettings,
    classNames: ['a', 'b', 'c'],
    preprocessing: preprocessingOf(112),
    config: { backbone: 'mobilefacenet', embeddingSize: 8, request: {} },
  });
  return head;
}

describe.each<LossSettings>([
  ...(Object.keys(LOSS_DEFAULTS) as (keyof typeof LOSS_DEFAULTS)[]).map((loss) => ({ loss })),
  { loss: 'cosface', subCenters: 3, sampleRate: 0.7, labelSmoothing: 0.1, interclassFilter: 0.5 },
])('the head of %j', (request) => {
  it('predicts and trains on alike when it is read back, and leaks nothing', async () => {
    const before = tf.memory().numTensors;
    const written = await writeWith(request);
    const model = await readModel(dir);
    const [ours, theirs] = [written, model.head].map((head) => {
      // The sampler of a model begins anew; that of a checkpoint goes on.
      for (const { random } of head.randoms) random.restore([1, 2, 3, 4]);
      const logits = head.logits(embeddings);
      const { loss, accuracy, embeddingGradient } = head.lossAndGradient(embeddings, labels);
      const figures = [...logits.dataSync(), loss, accuracy, ...embeddingGradient.dataSync()];
      tf.dispose([logits, embeddingGradient]);
      return figures;
    });
    expect(theirs).toEqual(ours);
    disposeHead(written);
    disposeHead(model.head);
    disposeBackbone(model.backbone);
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('a head written before there was a choice of losses is ArcFace with its scale', async () => {
  const written = await writeWith({ scale: 20 });
  const { settings: _, ...older } = JSON.parse(await readFile(join(dir, 'head.json'), 'utf8'));
  await writeFile(join(dir, 'head.json'), JSON.stringify({ ...older, marginRadians: 0.5 }));
  const model = await readModel(dir);
  expect([...model.head.logits(embeddings).dataSync()]).toEqual([...written.logits(embeddings).dataSync()]);
});

it('a head without one of its statistics is refused, and leaves no tensor', async () => {
  await writeWith({ loss: 'adaface' });
  const head = JSON.parse(await readFile(join(dir, 'head.json'), 'utf8'));
  const [group] = head.weightsManifest;
  group.weights = group.weights.slice(0, 2);
  await writeFile(join(dir, 'head.json'), JSON.stringify(head));
  await writeFile(join(dir, 'head.bin'), (await readFile(join(dir, 'head.bin'))).subarray(0, -4));
  const before = tf.memory().numTensors;
  await expect(readModel(dir)).rejects.toThrow(/names no head\/normDeviation/);
  expect(tf.memory().numTensors).toBe(before);
});
