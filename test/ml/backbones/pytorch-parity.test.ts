import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BACKBONE_NAMES,
  type Backbone,
  buildBackbone,
  disposeBackbone,
} from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { BATCH_COUNT, insightfaceTensors } from '../../../src/ml/export/insightface-names.js';
import { assembleHead } from '../../../src/ml/heads/build-head.js';
import { resolveSettings } from '../../../src/ml/heads/head-settings.js';
import { relativeError } from '../finite-differences.js';
import { hashedValues, hashedWeights } from './hashed-values.js';
import { distanceFromDigest, type PytorchFixture, readPytorchFixture } from './pytorch-fixture.js';

const { tf } = loadTensorFlow();
const EMBEDDING_TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 1e-3;
/**
 * A norm below this share of the network's median is an error relative to that, not to itself. Such a gradient is a
 * sum whose terms cancel: what shifts all images alike is removed by the next batch norm, so the bias before it has
 * the gradient 0 (PyTorch's float64 leaves 1e-15 of it), or only what the padding at the border leaves.
 */
const CANCELLED_SHARE = 0.25;

/** The network with the weights that the script gave PyTorch's. */
function buildHashed(name: string, fixture: PytorchFixture): Backbone {
  const backbone = buildBackbone(name, fixture, null);
  for (const { name: theirs, layout, entry } of insightfaceTensors(backbone)) {
    const values = hashedWeights(theirs, layout.shape, entry.name.split('/')[1] ?? '');
    entry.value.dispose();
    entry.value = tf.tidy(() => layout.fromPytorch(tf.tensor(values, [...layout.shape])).clone());
  }
  return backbone;
}

describe.each(BACKBONE_NAMES)('%s beside PyTorch', (architecture) => {
  const fixture = readPytorchFixture(architecture);
  const { imageSize, batch, classCount, embeddingSize, scale, margin } = fixture;
  let backbone: Backbone;
  beforeAll(() => {
    backbone = buildHashed(architecture, fixture);
  });
  afterAll(() => disposeBackbone(backbone));
  const images = (): Tensor => {
    const shape = [batch, imageSize, imageSize, 3];
    return tf.tensor(hashedValues('images', batch * imageSize * imageSize * 3), shape);
  };

  it('has the same tensors, by name and shape', () => {
    const ours = insightfaceTensors(backbone).map(({ name, layout }) => [name, [...layout.shape]]);
    const theirs = Object.entries(fixture.state).filter(([name]) => !name.endsWith(BATCH_COUNT));
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
  });

  it('gives the same embedding at inference', () => {
    const y = backbone.forward(images(), false);
    expect(relativeError(y.dataSync(), fixture.inferred)).toBeLessThan(EMBEDDING_TOLERANCE);
    y.dispose();
  });

  it('gives the same embedding, loss, statistics and gradients in an ArcFace step', () => {
    const centres = tf.tensor(hashedValues('centres', classCount * embeddingSize), [
      classCount,
      embeddingSize,
    ]);
    const settings = resolveSettings({ loss: 'arcface', scale, margin }, classCount);
    const head = assembleHead(settings, { centres, bias: null }, createRandom(1));
    const labels = tf.tensor1d(
      Array.from({ length: batch }, (_, index) => index % classCount),
      'int32',
    );
    const y = backbone.forward(images(), true);
    expect(relativeError(y.dataSync(), fixture.trained)).toBeLessThan(EMBEDDING_TOLERANCE);
    const { loss, embeddingGradient } = head.lossAndGradient(y, labels);
    expect(Math.abs(loss / fixture.loss - 1)).toBeLessThan(1e-5);
    backbone.backward(embeddingGradient).dispose();

    const gradients = new Map([['centres', head.parameters[0]?.gradient as Tensor]]);
    const statistics = new Map<string, Tensor>();
    for (const { name, layout, entry } of insightfaceTensors(backbone)) {
      if (name in fixture.statistics) statistics.set(name, entry.value);
      if (!('gradient' in entry) || entry.gradient === null) continue;
      const { gradient } = entry;
      gradients.set(
        name,
        tf.tidy(() => layout.toPytorch(gradient).clone()),
      );
    }
    // The scale of an IResNet's last batch norm is not trained, here as in InsightFace.
    const untrained = architecture.startsWith('iresnet') ? ['features.weight'] : [];
    expect([...gradients.keys(), ...untrained].sort()).toEqual(Object.keys(fixture.gradients).sort());
    expect([...statistics.keys()].sort()).toEqual(Object.keys(fixture.statistics).sort());

    const norms = Object.values(fixture.gradients).map(({ norm }) => norm);
    const median = norms.sort((a, b) => a - b)[Math.floor(norms.length / 2)] ?? Number.NaN;
    for (const [name, values] of gradients) {
      const expected = fixture.gradients[name] as (typeof fixture.gradients)[string];
      const floor = CANCELLED_SHARE * median;
      const distance = distanceFromDigest(name, values.dataSync(), { expected, floor });
      expect(distance, `the gradient of ${name}`).toBeLessThan(GRADIENT_TOLERANCE);
    }
    for (const [name, values] of statistics) {
      const expected = fixture.statistics[name] as (typeof fixture.statistics)[string];
      const distance = distanceFromDigest(name, values.dataSync(), { expected, floor: 1e-12 });
      expect(distance, name).toBeLessThan(EMBEDDING_TOLERANCE);
    }
    for (const tensor of [y, labels, centres, ...gradients.values()]) tensor.dispose();
  });
});
