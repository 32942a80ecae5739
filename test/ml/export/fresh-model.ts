import { type BackboneName, buildBackbone } from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { preprocessingOf } from '../../../src/ml/export/preprocessing.js';
import { writeModel } from '../../../src/ml/export/write-model.js';
import { buildHead } from '../../../src/ml/heads/build-head.js';
import { resolveSettings } from '../../../src/ml/heads/head-settings.js';
import { spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();

export const pixels = (): Float32Array => Float32Array.from(spread(2 * 112 * 112 * 3));
export const images = () => tf.tensor4d(pixels(), [2, 112, 112, 3]);

/** Writes a fresh model whose batch norms have followed one batch, and returns its embeddings of `images`. */
export async function writeFreshModel(dir: string, name: BackboneName): Promise<Float32Array> {
  const random = createRandom(5);
  const backbone = buildBackbone(name, { embeddingSize: 8 }, random);
  const labels = tf.tensor1d([0, 1], 'int32');
  const headSettings = resolveSettings({ scale: 20 }, 3);
  const head = buildHead(headSettings, { classCount: 3, embeddingSize: 8 }, random);
  const trained = backbone.forward(images(), true);
  backbone.backward(head.lossAndGradient(trained, labels).embeddingGradient);
  await writeModel(dir, {
    backbone,
    head,
    classNames: ['a', 'b', 'c'],
    preprocessing: preprocessingOf(112),
    headSettings,
    config: { backbone: name, embeddingSize: 8, request: {} },
  });
  return backbone.forward(images(), false).dataSync() as Float32Array;
}
