import { describe, expect, it } from 'vitest';
import {
  buildBackbone,
  countParameters,
  disposeBackbone,
  disposeSnapshot,
  restoreSnapshot,
  takeSnapshot,
} from '../../../src/ml/backbones/backbone.js';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { ArcfaceHead } from '../../../src/ml/heads/arcface.js';
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
  const backbone = buildBackbone('mobilefacenet', embeddingSize, random);
  const head = ArcfaceHead.build({ classCount: 2, embeddingSize, scale: 16, marginRadians }, random);
  const optimizer = new Sgd([...backbone.parameters, ...head.parameters], { momentum: 0.9, weightDecay });
  return { backbone, head, optimizer };
}

describe('parameter counts', () => {
  it.each([
    // FaceX-Zoo reports 1.19 M for this MobileFaceNet; a script over PyTorch's module counts 1,200,512.
    ['mobilefacenet', 1_200_512],
    // InsightFace's r18: 24.03 M.
    ['iresnet18', 24_025_600],
  ])('%s has %i at embedding size 512', (name, expected) => {
    const backbone = buildBackbone(name, 512, createRandom(1));
    expect(countParameters(backbone)).toBe(expected);
    disposeBackbone(backbone);
  });
});

describe('a backbone', () => {
  it('is the same for the same seed and another for another', () => {
    const embed = (seed: number) => {
      const backbone = buildBackbone('mobilefacenet', 16, createRandom(seed));
      const embedding = backbone.forward(images(1), false).dataSync();
      disposeBackbone(backbone);
      return [...embedding];
    };
    expect(embed(1)).toEqual(embed(1));
    expect(embed(1)).not.toEqual(embed(2));
  });

  it('names the backbones that exist', () => {
    expect(() => buildBackbone('resnet', 16, createRandom(1))).toThrow(
      /mobilefacenet, iresnet18; found "resnet"/,
    );
  });

  it('comes back from a snapshot after training went on', () => {
    const learner = buildLearner({ seed: 1, embeddingSize: 8, marginRadians: 0.5, weightDecay: 0 });
    const { backbone } = learner;
    const embed = () => {
      const y = backbone.forward(images(2), false);
      const values = [...y.dataSync()];
      y.dispose();
      return values;
    };
    const before = embed();
    const snapshot = takeSnapshot(backbone);
    const labels = tf.tensor1d([0, 1], 'int32');
    trainStep(learner, images(2), labels, 0.1);
    expect(embed()).not.toEqual(before);
    restoreSnapshot(backbone, snapshot);
    expect(embed()).toEqual(before);
    disposeSnapshot(snapshot);
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
