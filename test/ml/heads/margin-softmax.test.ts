import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import {
  composedMarginSoftmax,
  type Margins,
  marginSoftmax,
  type Similarities,
} from '../../../src/ml/heads/margin-softmax.js';
import { composedSubtractScaledRows, subtractRadial } from '../../../src/ml/heads/subtract-radial.js';
import { relativeError, spread } from '../finite-differences.js';

const { tf, hasKernels } = loadTensorFlow();

type Shape = { readonly images: number; readonly classes: number; readonly subCenters: number };

function similaritiesOf({ images, classes, subCenters }: Shape): Similarities {
  const centres = classes * subCenters;
  return {
    products: tf.tensor2d(spread(images * centres, 0.3), [images, centres]),
    inverseLengths: tf.tensor1d(spread(centres, 0.1).map((value) => 0.9 + 0.1 * value)),
    labels: tf.tensor1d(
      Int32Array.from({ length: images }, (_, i) => (i * 617) % classes),
      'int32',
    ),
    subCenters,
  };
}

function marginsOf(images: number, changes: Partial<Margins> = {}): Margins {
  const constant = (value: number) => new Float32Array(images).fill(value);
  return {
    values: spread(images, 0.7),
    slopes: spread(images, 0.2).map((value) => value + 2),
    scales: spread(images, 0.5).map((value) => 16 + 8 * value),
    hardAbove: constant(Number.POSITIVE_INFINITY),
    hardLinear: constant(0),
    filterAbove: Number.POSITIVE_INFINITY,
    labelSmoothing: 0,
    ...changes,
  };
}

const SHAPES: Shape[] = [
  { images: 1, classes: 1, subCenters: 1 },
  { images: 1, classes: 5, subCenters: 3 },
  { images: 7, classes: 33, subCenters: 1 },
  { images: 5, classes: 1024, subCenters: 1 },
  { images: 6, classes: 2500, subCenters: 1 },
  { images: 6, classes: 1300, subCenters: 3 },
];
const FORMS: [string, Partial<Margins>][] = [
  ['plain', {}],
  ['with hard classes', { hardAbove: spread(9, 0.4), hardLinear: spread(9, 0.6).map(Math.abs) }],
  ['with a filter', { filterAbove: 0.4 }],
  ['with label smoothing', { labelSmoothing: 0.1 }],
];

describe.runIf(hasKernels)('the kernel and its composed twin agree', () => {
  describe.each(SHAPES)('for $images images, $classes classes, $subCenters centres each', (shape) => {
    it.each(FORMS)('%s', (_, changes) => {
      const { images } = shape;
      const cut = Object.fromEntries(
        Object.entries(changes).map(([key, value]) => [
          key,
          typeof value === 'number' ? value : value.slice(0, images),
        ]),
      );
      const margins = marginsOf(images, cut);
      const ours = marginSoftmax(similaritiesOf(shape), margins);
      const expected = composedMarginSoftmax(similaritiesOf(shape), margins);
      for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
        const [a, b] = [ours[key], expected[key]].map((tensor) => tensor.dataSync());
        // Where one class takes all, the true gradient is 0 and both sides hold rounding only.
        const isRounding = [...(a ?? []), ...(b ?? [])].every((value) => Math.abs(value) < 1e-5);
        if (!isRounding) expect(relativeError(a ?? [], b ?? []), key).toBeLessThan(2e-5);
        expect(ours[key].shape, key).toEqual(expected[key].shape);
      }
    });
  });

  it('x − share · y', () => {
    const [x, y] = [0.1, 0.6].map((phase) => tf.tensor2d(spread(21, phase), [7, 3])) as [Tensor2D, Tensor2D];
    const [radial, inverse] = [spread(7, 0.4), spread(7, 0.8)].map((values) => tf.tensor1d(values));
    const expected = composedSubtractScaledRows(
      x,
      y,
      tf.mul(radial as Tensor1D, tf.square(inverse as Tensor1D)),
    );
    const ours = subtractRadial(x, y, radial as Tensor1D, inverse as Tensor1D);
    expect(relativeError(ours.dataSync(), expected.dataSync())).toBeLessThan(1e-6);
  });

  it('refuses a label that is no class', () => {
    const shape = { images: 2, classes: 3, subCenters: 1 };
    const similarities = { ...similaritiesOf(shape), labels: tf.tensor1d([0, 3], 'int32') };
    expect(() => marginSoftmax(similarities, marginsOf(2))).toThrow(/labels below 3, found 3/);
  });
});

const both: [string, typeof marginSoftmax][] = [
  ['the kernel', marginSoftmax],
  ['its twin', composedMarginSoftmax],
];

describe.each(both)('softmax by %s', (_, softmax) => {
  const identity = (products: number[][], labels: number[]): [Similarities, Margins] => {
    const images = labels.length;
    const ones = new Float32Array(images).fill(1);
    const values = Float32Array.from(labels, (label, i) => products[i]?.[label] ?? Number.NaN);
    const classes = products[0]?.length ?? 0;
    return [
      {
        products: tf.tensor2d(products),
        inverseLengths: tf.ones([classes]) as Tensor1D,
        labels: tf.tensor1d(labels, 'int32'),
        subCenters: 1,
      },
      marginsOf(images, { values, slopes: ones, scales: ones }),
    ];
  };
  const read = (tensor: Tensor) => [...tensor.dataSync()];

  it('by hand: logits 0 and ln 3 give probabilities 1/4 and 3/4', () => {
    const outcome = softmax(...identity([[0, Math.log(3)]], [0]));
    expect(read(outcome.losses)[0]).toBeCloseTo(Math.log(4), 6);
    expect(read(outcome.productGradient)[0]).toBeCloseTo(-0.75, 6);
    expect(read(outcome.productGradient)[1]).toBeCloseTo(0.75, 6);
    expect(read(outcome.hits)).toEqual([0]);
  });

  it('by hand with label smoothing: the loss of the mean target', () => {
    const [similarities, margins] = identity([[0, Math.log(3)]], [1]);
    const outcome = softmax(similarities, { ...margins, labelSmoothing: 0.2 });
    // Targets 0.1 and 0.9: −0.1 · ln(1/4) − 0.9 · ln(3/4)
    expect(read(outcome.losses)[0]).toBeCloseTo(0.1 * Math.log(4) + 0.9 * Math.log(4 / 3), 6);
    expect(read(outcome.productGradient)[0]).toBeCloseTo(0.25 - 0.1, 6);
  });

  it('does not overflow, and counts the first of equals', () => {
    const outcome = softmax(...identity([[1000, 1000, -1000]], [1]));
    expect(read(outcome.losses)[0]).toBeCloseTo(Math.log(2), 5);
    expect(read(outcome.hits)).toEqual([0]);
    expect(read(softmax(...identity([[1000, 1000, -1000]], [0])).hits)).toEqual([1]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('%f anywhere shows in the loss', (bad) => {
    for (const products of [[[bad, 0, 0]], [[0, bad, 0]], [[0, 0, bad]]]) {
      expect(Number.isFinite(read(softmax(...identity(products, [1])).losses)[0])).toBe(false);
    }
  });

  it('a filtered class counts as logit 0 and gets no gradient', () => {
    const [similarities, margins] = identity([[0.2, 0.9, 0.1]], [0]);
    const outcome = softmax(similarities, { ...margins, filterAbove: 0.5 });
    const sum = Math.exp(0.2) + 1 + Math.exp(0.1);
    expect(read(outcome.losses)[0]).toBeCloseTo(Math.log(sum) - 0.2, 6);
    expect(read(outcome.productGradient)[1]).toBeCloseTo(0, 9);
  });

  it('a hard class c counts as c · (t + c)', () => {
    const [similarities, margins] = identity([[0.2, 0.9, 0.1]], [0]);
    const outcome = softmax(similarities, {
      ...margins,
      hardAbove: Float32Array.of(0.15),
      hardLinear: Float32Array.of(0.3),
    });
    const hard = 0.9 * 1.2;
    const sum = Math.exp(0.2) + Math.exp(hard) + Math.exp(0.1);
    expect(read(outcome.losses)[0]).toBeCloseTo(Math.log(sum) - 0.2, 6);
    expect(read(outcome.productGradient)[1]).toBeCloseTo((Math.exp(hard) / sum) * (0.3 + 1.8), 5);
  });

  it('leaks nothing', () => {
    const before = tf.memory().numTensors;
    const [similarities, margins] = identity([[0.2, 0.9, 0.1]], [0]);
    const outcome = softmax(similarities, margins);
    tf.dispose([{ ...outcome }, similarities.inverseLengths, similarities.labels]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
