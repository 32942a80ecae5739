import { describe, expect, it } from 'vitest';
import {
  type Backbone,
  buildBackbone,
  countParameters,
  disposeBackbone,
} from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { buildHead } from '../../../src/ml/heads/build-head.js';
import { disposeTensors, restoreTensors, takeTensors } from '../../../src/ml/layers/named-tensors.js';
import { Sgd } from '../../../src/ml/training/optimizers/sgd.js';
import { type Learner, trainStep } from '../../../src/ml/training/train-step.js';
import { spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();
const images = (count: number) => tf.tensor4d(spread(count * 112 * 112 * 3), [count, 112, 112, 3]);

/** A MobileFaceNet that tells two classes apart. */
function buildLearner(options: {
  readonly seed: number;
  readonly embeddingSize: number;
  readonly marginRadians: number;
  readonly weightDecay: number;
}): Learner {
  const { seed, embeddingSize, marginRadians, weightDecay } = options;
  const random = createRandom(seed);
  const backbone = buildBackbone('mobilefacenet', { embeddingSize }, random);
  const head = buildHead({ margin: marginRadians, scale: 16 }, { classCount: 2, embeddingSize }, random);
  const optimizer = new Sgd([...backbone.parameters, ...head.parameters], { momentum: 0.9, weightDecay });
  return { backbone, head, optimizer };
}

describe('parameter counts', () => {
  // Counted over PyTorch's modules (scripts/fixtures/pytorch_networks.py): all parameters, of which IResNet trains
  // all but the 512 scales of the embedding's batch norm. InsightFace's table: 24.03, 34.14, 43.59, 65.16, 2.06 M.
  it.each([
    ['mobilefacenet', 1_200_512, 0],
    ['mbf', 2_059_520, 0],
    ['iresnet18', 24_025_600, 512],
    ['iresnet34', 34_139_328, 512],
    ['iresnet50', 43_590_848, 512],
    ['iresnet100', 65_156_160, 512],
  ])('%s has %i at embedding size 512, %i of them fixed', (name, expected, fixed) => {
    const backbone = buildBackbone(name, { embeddingSize: 512 }, null);
    expect(countParameters(backbone)).toBe(expected - fixed);
    const fixedScales = backbone.buffers.filter((buffer) => buffer.name.endsWith('/gamma'));
    expect(fixedScales.reduce((sum, { value }) => sum + value.size, 0)).toBe(fixed);
    disposeBackbone(backbone);
  });
});

describe('image size and embedding size', () => {
  it.each(['mobilefacenet', 'mbf', 'iresnet18'])('%s embeds 48-pixel images in 7 numbers', (name) => {
    const before = tf.memory().numTensors;
    const embed = () => {
      const backbone = buildBackbone(name, { embeddingSize: 7, imageSize: 48 }, createRandom(2));
      const y = backbone.forward(tf.tensor4d(spread(2 * 48 * 48 * 3), [2, 48, 48, 3]), false);
      disposeBackbone(backbone);
      expect(y.shape).toEqual([2, 7]);
      const values = [...y.dataSync()];
      y.dispose();
      return values;
    };
    expect(embed().every(Number.isFinite)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([100, 0, -16, 24.5, Number.NaN])('a size of %d is refused with sizes that fit', (imageSize) => {
    expect(() => buildBackbone('mbf', { embeddingSize: 8, imageSize }, null)).toThrow(
      /multiple of 16, such as \d+ or \d+; found/,
    );
    if (imageSize === 100) {
      expect(() => buildBackbone('mbf', { embeddingSize: 8, imageSize }, null)).toThrow(
        /such as 96 or 112; found 100/,
      );
    }
  });
});

describe('dropout', () => {
  const build = (dropout: number) =>
    buildBackbone('mobilefacenet', { embeddingSize: 8, imageSize: 32, dropout }, createRandom(4));
  const embed = (backbone: Backbone, training: boolean) => {
    const y = backbone.forward(tf.tensor4d(spread(3 * 32 * 32 * 3), [3, 32, 32, 3]), training);
    const values = [...y.dataSync()];
    y.dispose();
    return values;
  };

  it('changes neither the first weights nor inference', () => {
    expect(embed(build(0.5), false)).toEqual(embed(build(0), false));
  });

  it('changes training, in the same way for the same seed, and goes on from a stored state', () => {
    const backbone = build(0.5);
    const [dropping] = backbone.randoms ?? [];
    const state = dropping?.random.state;
    const first = embed(backbone, true);
    const second = embed(backbone, true);
    expect(first).not.toEqual(embed(build(0), true));
    expect(second).not.toEqual(first);
    expect(embed(build(0.5), true)).toEqual(first);
    if (state !== undefined) dropping?.random.restore(state);
    expect(embed(backbone, true)).toEqual(first);
    expect(dropping?.name).toBe('embedding.dropout/random');
    expect(build(0).randoms).toEqual([]);
  });

  it.each([-0.1, 1, Number.NaN])('of %d is refused', (dropout) => {
    expect(() => build(dropout)).toThrow(/dropout of at least 0 and below 1; found/);
  });
});

describe('a backbone', () => {
  it('is the same for the same seed and another for another', () => {
    const embed = (seed: number) => {
      const backbone = buildBackbone('mobilefacenet', { embeddingSize: 16 }, createRandom(seed));
      const embedding = backbone.forward(images(1), false).dataSync();
      disposeBackbone(backbone);
      return [...embedding];
    };
    expect(embed(1)).toEqual(embed(1));
    expect(embed(1)).not.toEqual(embed(2));
  });

  it('names the backbones that exist', () => {
    expect(() => buildBackbone('resnet', { embeddingSize: 16 }, null)).toThrow(
      /mobilefacenet, mbf, iresnet18, iresnet34, iresnet50, iresnet100; found "resnet"/,
    );
  });

  it('comes back from a snapshot after training went on', () => {
    const learner = buildLearner({ seed: 1, embeddingSize: 8, marginRadians: 0.5, weightDecay: 0 });
    const { backbone } = learner;
    const entries = [...backbone.parameters, ...backbone.buffers];
    const embed = () => {
      const y = backbone.forward(images(2), false);
      const values = [...y.dataSync()];
      y.dispose();
      return values;
    };
    const before = embed();
    const snapshot = takeTensors(entries);
    const labels = tf.tensor1d([0, 1], 'int32');
    trainStep(learner, images(2), labels, 0.1);
    expect(embed()).not.toEqual(before);
    restoreTensors(entries, snapshot);
    expect(embed()).toEqual(before);
    disposeTensors(snapshot);
  });
});

describe('a training step', () => {
  it('lowers the loss on a batch that it repeats, and leaks no tensor between step 10 and step 100', () => {
    const learner = buildLearner({ seed: 3, embeddingSize: 16, marginRadians: 0.3, weightDecay: 5e-4 });
    const labels = tf.tensor1d([0, 1], 'int32');
    const losses: number[] = [];
    const counts: number[] = [];
    for (let step = 1; step <= 100; step += 1) {
      losses.push(trainStep(learner, images(2), labels, 0.02).loss);
      counts.push(tf.memory().numTensors);
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 4);
    expect(counts[99]).toBe(counts[9]);
  });

  it('stops with a sentence when the loss is not finite, before any weight changes', () => {
    const learner = buildLearner({ seed: 3, embeddingSize: 8, marginRadians: 0.5, weightDecay: 0 });
    const { backbone } = learner;
    const before = [...(backbone.parameters[0]?.value.dataSync() ?? [])];
    const broken = tf.fill([2, 112, 112, 3], Number.NaN);
    const labels = tf.tensor1d([0, 1], 'int32');
    expect(() => trainStep(learner, broken, labels, 0.1)).toThrow(/finite loss; found NaN/);
    expect([...(backbone.parameters[0]?.value.dataSync() ?? [])]).toEqual(before);
  });
});
