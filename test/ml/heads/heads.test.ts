import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { assembleHead, buildHead } from '../../../src/ml/heads/build-head.js';
import { disposeHead, type Head } from '../../../src/ml/heads/head.js';
import { LOSS_DEFAULTS, type LossSettings, resolveSettings } from '../../../src/ml/heads/head-settings.js';
import { disposeGradient, type Parameter } from '../../../src/ml/layers/layer.js';
import { numericGradient, relativeError, spread } from '../finite-differences.js';

const { tf } = loadTensorFlow();
const SIZE = 4;

/** Every loss, and every setting that changes what a head computes. */
const SETTINGS: LossSettings[] = [
  ...(Object.keys(LOSS_DEFAULTS) as (keyof typeof LOSS_DEFAULTS)[]).map((loss) => ({ loss })),
  { loss: 'arcface', easyMargin: true },
  { loss: 'combined', marginAngleMultiplier: 1.35 },
  { loss: 'magface', easyMargin: false },
  { loss: 'cosface', subCenters: 3 },
  { loss: 'arcface', interclassFilter: 0.5 },
  { loss: 'arcface', labelSmoothing: 0.1 },
  { loss: 'softmax', labelSmoothing: 0.1 },
  { loss: 'curricularface', subCenters: 2, labelSmoothing: 0.1 },
  { loss: 'arcface', sampleRate: 0.6 },
  { loss: 'softmax', sampleRate: 0.6 },
  { loss: 'cosface', sampleRate: 0.6, subCenters: 2 },
];
const REQUESTS = SETTINGS.map((request) =>
  request.loss === 'softmax' || request.loss === 'sphereface' ? request : { scale: 8, ...request },
);

function headOf(request: LossSettings, classCount = 5): Head {
  const settings = resolveSettings(request, classCount);
  const rows = classCount * (settings.subCenters ?? 1);
  const bias = settings.loss === 'softmax' ? tf.tensor(spread(classCount, 0.5)) : null;
  return assembleHead(
    settings,
    { centres: tf.tensor(spread(rows * SIZE), [rows, SIZE]), bias },
    createRandom(1),
  );
}

/** A call that leaves no trace in statistics and generators, so that it can be repeated. */
function lossOf(head: Head, embeddings: Float32Array, labels: Tensor1D): number {
  const buffers = head.buffers.map(({ value }) => value.clone());
  const states = head.randoms.map(({ random }) => random.state);
  const x = tf.tensor(embeddings, [labels.size, SIZE]);
  const { loss, embeddingGradient } = head.lossAndGradient(x, labels);
  tf.dispose([x, embeddingGradient]);
  head.buffers.forEach((buffer, i) => {
    buffer.value.dispose();
    buffer.value = buffers[i] as Tensor;
  });
  head.randoms.forEach(({ random }, i) => void random.restore(states[i] as never));
  return loss;
}

/** The whole gradient of a parameter, rows that were not sampled as zeros. */
function denseGradient({ gradient, sparseGradient, value }: Parameter): Float32Array {
  if (!sparseGradient) return (gradient as Tensor).dataSync() as Float32Array;
  const dense = new Float32Array(value.size);
  const width = value.size / (value.shape[0] ?? 1);
  const values = sparseGradient.values.dataSync();
  sparseGradient.rows.dataSync().forEach((row, i) => {
    dense.set(values.subarray(i * width, (i + 1) * width), row * width);
  });
  return dense;
}

describe.each(REQUESTS)('the head of %j', (request) => {
  const labels = tf.tensor1d([0, 2, 1, 2, 0], 'int32');
  let head: Head;
  beforeAll(() => {
    head = headOf(request);
  });
  afterAll(() => disposeHead(head));

  // MagFace's margins lie in lengths from 10 on; the others are tested where float32 is best.
  const at = spread(5 * SIZE, 0.3).map((value) => (request.loss === 'magface' ? 14 * value : value));

  it('matches finite differences for embeddings and class weights, and leaks nothing', () => {
    const before = tf.memory().numTensors;
    const embeddings = tf.tensor(at, [5, SIZE]);
    const buffers = head.buffers.map(({ value }) => value.clone());
    const states = head.randoms.map(({ random }) => random.state);
    const { embeddingGradient } = head.lossAndGradient(embeddings, labels);
    head.buffers.forEach((buffer, i) => {
      buffer.value.dispose();
      buffer.value = buffers[i] as Tensor;
    });
    head.randoms.forEach(({ random }, i) => void random.restore(states[i] as never));
    const analytic = head.parameters.map(denseGradient);
    const numeric = numericGradient((values) => lossOf(head, values, labels), at);
    expect(relativeError(embeddingGradient.dataSync(), numeric), 'embeddings').toBeLessThan(2e-2);
    head.parameters.forEach((parameter, index) => {
      const original = parameter.value;
      const lossAt = (values: Float32Array): number => {
        parameter.value = tf.tensor(values, original.shape);
        const loss = lossOf(head, at, labels);
        parameter.value.dispose();
        return loss;
      };
      const expected = numericGradient(lossAt, original.dataSync() as Float32Array);
      parameter.value = original;
      expect(relativeError(analytic[index] ?? [], expected), parameter.name).toBeLessThan(2e-2);
    });
    tf.dispose([embeddings, embeddingGradient]);
    for (const parameter of head.parameters) disposeGradient(parameter);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stays finite for a zero embedding, a huge one, and one on and one opposite to its centre', () => {
    const [centres] = head.parameters;
    const own = [...(centres as Parameter).value.dataSync().slice(0, SIZE)];
    const rows = [[0, 0, 0, 0], [1e6, -1e6, 1e6, 1e6], own, own.map((value) => -value)];
    const embeddings = tf.tensor2d(rows);
    const { loss, embeddingGradient } = head.lossAndGradient(embeddings, tf.tensor1d([0, 1, 0, 0], 'int32'));
    expect(Number.isFinite(loss)).toBe(true);
    expect([...embeddingGradient.dataSync()].every(Number.isFinite)).toBe(true);
    expect(head.parameters.every((one) => denseGradient(one).every(Number.isFinite))).toBe(true);
  });

  it('takes one image, and its loss is that of the image', () => {
    const one = lossOf(head, at.slice(0, SIZE), tf.tensor1d([0], 'int32'));
    expect(Number.isFinite(one)).toBe(true);
    expect(one).toBeGreaterThan(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('has no finite loss for an embedding with %f', (bad) => {
    const broken = at.slice();
    broken[SIZE] = bad;
    expect(Number.isFinite(lossOf(head, broken, labels))).toBe(false);
  });

  it('has no finite loss for a centre with NaN', () => {
    const [parameter] = head.parameters as [Parameter];
    const original = parameter.value;
    const broken = original.dataSync().slice();
    broken[0] = Number.NaN;
    parameter.value = tf.tensor(broken, original.shape);
    expect(Number.isFinite(lossOf(head, at, labels))).toBe(false);
    parameter.value = original;
  });

  it('has logits over all classes, whose largest one is what accuracy counts', () => {
    const embeddings = tf.tensor(at, [5, SIZE]);
    const logits = head.logits(embeddings);
    expect(logits.shape).toEqual([5, 5]);
    if (head.randoms.length > 0) return;
    const predicted = tf.argMax(logits, 1).dataSync();
    const hits = [...labels.dataSync()].filter((label, i) => label === predicted[i]).length;
    expect(head.lossAndGradient(embeddings, labels).accuracy).toBeCloseTo(hits / 5, 6);
  });
});

it.each(Object.keys(LOSS_DEFAULTS) as (keyof typeof LOSS_DEFAULTS)[])(
  '%s with one class has loss 0',
  (loss) => {
    const head = headOf({ loss }, 1);
    const embeddings = tf.tensor(spread(2 * SIZE, 0.3), [2, SIZE]);
    const { loss: value, embeddingGradient } = head.lossAndGradient(embeddings, tf.tensor1d([0, 0], 'int32'));
    const isRegularised = loss === 'magface'; // the term in the length is there with any number of classes
    expect(value).toBeCloseTo(isRegularised ? 35 * (10 / 12100 + 1 / 10) : 0, 5);
    expect([...embeddingGradient.dataSync()].every((entry) => Math.abs(entry) < 1e-5)).toBe(true);
  },
);

describe('the margin factor', () => {
  const labels = tf.tensor1d([0, 1], 'int32');
  const lossAt = (request: LossSettings, marginFactor: number) => {
    const head = headOf(request);
    head.marginFactor = marginFactor;
    return lossOf(head, spread(2 * SIZE, 0.3), labels);
  };

  it.each(['cosface', 'arcface', 'combined', 'sphereface', 'curricularface', 'adaface', 'magface'] as const)(
    'takes the margin of %s from none to whole',
    (loss) => {
      const [none, half, whole] = [0, 0.5, 1].map((factor) =>
        lossAt({ loss, easyMargin: false }, factor),
      ) as [number, number, number];
      expect(half).toBeGreaterThan(none);
      expect(whole).toBeGreaterThan(half);
    },
  );

  it('at 0 leaves NormFace of ArcFace and CosFace', () => {
    for (const loss of ['arcface', 'cosface', 'combined'] as const) {
      expect(lossAt({ loss }, 0)).toBeCloseTo(lossAt({ loss: 'normface' }, 1), 5);
    }
  });
});

/** For each loss another value of each of its settings. */
const CHANGES: Record<keyof typeof LOSS_DEFAULTS, LossSettings> = {
  softmax: {},
  normface: { scale: 4 },
  cosface: { scale: 4, margin: 0.3 },
  arcface: { scale: 4, margin: 0.3, easyMargin: true },
  combined: { scale: 4, marginAngleMultiplier: 1.2, margin: 0.2, marginCosine: 0.1 },
  sphereface: {
    marginAngleMultiplier: 3,
    sphereLambdaStart: 10,
    sphereLambdaDecay: 0.5,
    sphereLambdaFloor: 2000,
  },
  curricularface: { scale: 4, margin: 0.3, curricularMomentum: 0.5 },
  adaface: { scale: 4, margin: 0.3, adaConcentration: 0.5, adaMomentum: 0.5 },
  magface: {
    scale: 4,
    easyMargin: false,
    magNormLow: 12,
    magNormHigh: 100,
    magMarginLow: 0.4,
    magMarginHigh: 0.9,
    magRegularizer: 40,
  },
};
const EACH_CHANGE = Object.entries(CHANGES).flatMap(([loss, changes]) => {
  const cosine = loss === 'softmax' ? [] : [{ subCenters: 2 }, { interclassFilter: 0.2 }];
  const own = Object.entries(changes).map(([field, value]) => ({ [field]: value }));
  const every = [...own, ...cosine, { sampleRate: 0.5 }, { labelSmoothing: 0.1 }];
  return every.map((change) => [loss as keyof typeof LOSS_DEFAULTS, change as LossSettings] as const);
});

it.each(EACH_CHANGE)('the loss %s reads %j', (loss, change) => {
  const labels = tf.tensor1d([0, 2, 1], 'int32');
  // In MagFace's and AdaFace's range of lengths.
  const embeddings = tf.tensor(
    spread(3 * SIZE, 0.3).map((value) => 25 * value),
    [3, SIZE],
  );
  const lossesOf = (request: LossSettings): number[] => {
    const head = headOf({
      ...(loss === 'softmax' || loss === 'sphereface' ? {} : { scale: 8 }),
      loss,
      ...request,
    });
    return [1, 2].map(() => head.lossAndGradient(embeddings, labels).loss);
  };
  expect(lossesOf(change)).not.toEqual(lossesOf({}));
});

it('ArcFace by hand: an embedding on its centre, the other one orthogonal', () => {
  const settings = resolveSettings({ scale: 8 }, 2);
  const centres = tf.tensor2d([
    [2, 0],
    [0, 3],
  ]);
  const head = assembleHead(settings, { centres, bias: null }, createRandom(1));
  const { loss, accuracy } = head.lossAndGradient(tf.tensor2d([[5, 0]]), tf.tensor1d([0], 'int32'));
  expect(loss).toBeCloseTo(Math.log(1 + Math.exp(-8 * Math.cos(0.5))), 5);
  expect(accuracy).toBe(1);
  const logits = [...head.logits(tf.tensor2d([[3, 4]])).dataSync()];
  expect(logits[0]).toBeCloseTo(8 * 0.6, 5);
  expect(logits[1]).toBeCloseTo(8 * 0.8, 5);
});

it('the nearest of a class’s centres counts', () => {
  const settings = resolveSettings({ loss: 'normface', scale: 1, subCenters: 2 }, 2);
  const centres = tf.tensor2d([
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]);
  const head = assembleHead(settings, { centres, bias: null }, createRandom(1));
  const embeddings = tf.tensor2d([[-3, 4]]);
  const logits = [...head.logits(embeddings).dataSync()];
  expect(logits[0]).toBeCloseTo(0.6, 6);
  expect(logits[1]).toBeCloseTo(0.8, 6);
  head.lossAndGradient(embeddings, tf.tensor1d([0], 'int32'));
  const gradient = [...((head.parameters[0] as Parameter).gradient as Tensor).dataSync()];
  expect(gradient.slice(0, 2)).toEqual([0, 0]);
  expect(gradient[3]).not.toBe(0);
});

it('the same seed draws the same centres', () => {
  const draw = (seed: number) => {
    const head = buildHead({ subCenters: 2 }, { classCount: 3, embeddingSize: 2 }, createRandom(seed));
    return [...((head.parameters[0] as Parameter).value.dataSync() as Float32Array)];
  };
  expect(draw(1)).toHaveLength(12);
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

it('an unknown loss is refused with the known ones', () => {
  const request = { loss: 'triplet' } as unknown as LossSettings;
  expect(() => buildHead(request, { classCount: 3, embeddingSize: 2 }, createRandom(1))).toThrow(
    /Expected a loss of softmax, normface, .*; found "triplet"/,
  );
});
