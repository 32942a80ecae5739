import { describe, expect, it } from 'vitest';
import {
  ClassificationTally,
  STRANGER,
  softmaxWithTemperature,
} from '../../../src/ml/evaluation/classification.js';
import { MlError } from '../../../src/ml/ml-error.js';

const tallyOf = (threshold: number, temperature = 1, classNames = ['a', 'b']) =>
  new ClassificationTally({ classNames, threshold, temperature });
/** Logits of a softmax at temperature 1 that gives these probabilities. */
const logitsFor = (...probabilities: readonly number[]) => Float32Array.from(probabilities, Math.log);
const add = (tally: ClassificationTally, label: number, ...logits: readonly number[]) =>
  tally.add(Float32Array.from(logits), Int32Array.of(label));

describe('softmaxWithTemperature', () => {
  it('agrees with a softmax worked by hand', () => {
    const [first, second, third] = softmaxWithTemperature(logitsFor(1, 2, 5), 1);
    expect(first).toBeCloseTo(1 / 8, 6);
    expect(second).toBeCloseTo(2 / 8, 6);
    expect(third).toBeCloseTo(5 / 8, 6);
  });

  it('divides the logits by the temperature', () => {
    // Odds of 81 to 1 become 3 to 1 at temperature 4, the fourth root.
    const [first, second] = softmaxWithTemperature(logitsFor(81, 1), 4);
    expect(first).toBeCloseTo(0.75, 6);
    expect(second).toBeCloseTo(0.25, 6);
  });

  it.each([1e4, -1e4, 3e38, -3e38])('does not overflow at %d', (shift) => {
    expect([...softmaxWithTemperature(Float32Array.of(shift, shift), 1)]).toEqual([0.5, 0.5]);
  });

  it('gives certainty where the gap is too large for a number', () => {
    expect([...softmaxWithTemperature(Float32Array.of(1e4, -1e4), 1)]).toEqual([1, 0]);
  });
});

describe('ClassificationTally', () => {
  it('reports four images as counted by hand', () => {
    const tally = tallyOf(0.8);
    tally.add(
      Float32Array.of(
        ...logitsFor(0.9, 0.1), // a: right, accepted
        ...logitsFor(0.6, 0.4), // a: right, too unsure
        ...logitsFor(0.95, 0.05), // b: wrong, accepted
      ),
      Int32Array.of(0, 0, 1),
    );
    tally.add(logitsFor(0.15, 0.85), Int32Array.of(1)); // b: right, accepted
    const { meanConfidence, ...report } = tally.report();
    expect(meanConfidence).toBeCloseTo((0.9 + 0.6 + 0.95 + 0.85) / 4, 6);
    expect(report).toEqual({
      images: 4,
      classes: 2,
      correct: 3,
      accuracy: 0.75,
      accuracyAtThreshold: 0.5,
      coverage: 0.75,
      precisionAtThreshold: 2 / 3,
      threshold: 0.8,
      temperature: 1,
      perClass: [
        {
          name: 'a',
          images: 2,
          predicted: 3,
          correct: 2,
          correctAtThreshold: 1,
          precision: 2 / 3,
          recall: 1,
          f1: 0.8,
        },
        {
          name: 'b',
          images: 2,
          predicted: 1,
          correct: 1,
          correctAtThreshold: 1,
          precision: 1,
          recall: 0.5,
          f1: 2 / 3,
        },
      ],
      topK: [{ k: 1, accuracy: 0.75 }],
      macro: { precision: expect.closeTo(5 / 6, 12), recall: 0.75, f1: expect.closeTo(11 / 15, 12) },
      mostConfused: [{ trueClass: 'b', predictedClass: 'a', images: 1, examples: [] }],
      confusion: [
        [2, 0],
        [1, 1],
      ],
      strangers: { images: 0, rejected: 0, falselyAccepted: 0, falseAcceptRate: null },
    });
    expect(tally.running()).toEqual({ accuracy: 0.75, accuracyAtThreshold: 0.5 });
  });

  it('applies the temperature before the threshold', () => {
    const logits = [...logitsFor(81, 1)];
    const [cold, warm] = [tallyOf(0.9, 1), tallyOf(0.9, 4)];
    for (const tally of [cold, warm]) add(tally, 0, ...logits);
    expect(cold.report()).toMatchObject({ accuracy: 1, accuracyAtThreshold: 1 });
    expect(warm.report()).toMatchObject({ accuracy: 1, accuracyAtThreshold: 0 });
  });

  it('accepts everything at threshold 0, and at 1 only certainty', () => {
    const [all, certain] = [tallyOf(0), tallyOf(1)];
    for (const tally of [all, certain]) {
      add(tally, 0, 0.1, 0);
      add(tally, 0, 1e4, -1e4);
    }
    expect(all.report()).toMatchObject({ coverage: 1, accuracyAtThreshold: 1 });
    expect(certain.report()).toMatchObject({ coverage: 0.5, accuracyAtThreshold: 0.5, accuracy: 1 });
  });

  it('accepts a confidence equal to the threshold', () => {
    const tally = tallyOf(0.5);
    add(tally, 0, 3, 3);
    expect(tally.report().coverage).toBe(1);
  });

  it('lists the most confused classes, with their first images by name, whatever the order', () => {
    const wrong = (names: readonly string[]) => {
      const tally = tallyOf(0, 1, ['a', 'b', 'c']);
      for (const name of names) tally.add(Float32Array.of(0, 0, 1), Int32Array.of(0), [name]);
      tally.add(Float32Array.of(1, 0, 0), Int32Array.of(1), ['b/1']);
      return tally.report().mostConfused;
    };
    const names = ['a/7', 'a/2', 'a/9', 'a/1', 'a/3', 'a/5'];
    expect(wrong(names)).toEqual([
      { trueClass: 'a', predictedClass: 'c', images: 6, examples: ['a/1', 'a/2', 'a/3', 'a/5', 'a/7'] },
      { trueClass: 'b', predictedClass: 'a', images: 1, examples: ['b/1'] },
    ]);
    expect(wrong([...names].reverse())).toEqual(wrong(names));
  });

  it('counts an image whose class is among the k first', () => {
    const tally = tallyOf(0, 1, ['a', 'b', 'c', 'd', 'e', 'f']);
    add(tally, 0, 1, 2, 3, 4, 5, 6); // rank 6
    add(tally, 1, 1, 2, 3, 4, 5, 6); // rank 5
    add(tally, 5, 1, 2, 3, 4, 5, 6); // rank 1
    expect(tally.report().topK).toEqual([
      { k: 1, accuracy: 1 / 3 },
      { k: 5, accuracy: 2 / 3 },
    ]);
  });

  it('predicts the first of classes that tie', () => {
    const tally = tallyOf(0);
    add(tally, 0, 2, 2);
    add(tally, 1, -2, -2);
    expect(tally.report().confusion).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('counts strangers apart, rejected below the threshold and falsely accepted from it', () => {
    const tally = tallyOf(0.8);
    tally.add(
      Float32Array.of(...logitsFor(0.7, 0.3), ...logitsFor(0.5, 0.5), ...logitsFor(0.05, 0.95)),
      Int32Array.of(STRANGER, STRANGER, STRANGER),
    );
    expect(tally.running()).toEqual({});
    const report = tally.report();
    expect(report.strangers).toEqual({
      images: 3,
      rejected: 2,
      falselyAccepted: 1,
      falseAcceptRate: 1 / 3,
    });
    expect(report).toMatchObject({ images: 0, accuracy: null, coverage: null, meanConfidence: null });
  });

  it('has no shares of nothing', () => {
    const tally = tallyOf(0.9);
    tally.add(new Float32Array(), new Int32Array());
    expect(tally.report()).toMatchObject({
      images: 0,
      correct: 0,
      accuracy: null,
      accuracyAtThreshold: null,
      coverage: null,
      precisionAtThreshold: null,
      meanConfidence: null,
      strangers: { falseAcceptRate: null },
    });
    const unsure = tallyOf(0.9);
    add(unsure, 0, 0, 0);
    expect(unsure.report()).toMatchObject({ accuracyAtThreshold: 0, precisionAtThreshold: null });
  });

  it('takes one image of one class', () => {
    const tally = tallyOf(0.9, 5, ['only']);
    add(tally, 0, -3);
    expect(tally.report()).toMatchObject({ accuracy: 1, meanConfidence: 1, confusion: [[1]] });
  });

  it('leaves the confusion matrix out above 100 classes', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);
    expect(tallyOf(0, 1, names(100)).report().confusion).toHaveLength(100);
    expect(tallyOf(0, 1, names(101)).report().confusion).toBeNull();
  });

  it('gives reports that later batches leave as they are', () => {
    const tally = tallyOf(0);
    add(tally, 0, 1, 0);
    const report = tally.report();
    const copy = structuredClone(report);
    add(tally, 0, 0, 1);
    expect(report).toEqual(copy);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuses a logit of %d',
    (value) => {
      expect(() => add(tallyOf(0), 0, 1, value)).toThrow(MlError);
      expect(() => add(tallyOf(0), 0, value, 1)).toThrow('Expected finite logits; found NaN or infinity.');
    },
  );

  it('refuses labels and shapes that fit no class', () => {
    expect(() => add(tallyOf(0), 2, 1, 0)).toThrow('expected a label below 2; found 2');
    expect(() => add(tallyOf(0), -2, 1, 0)).toThrow('expected a label below 2; found -2');
    expect(() => add(tallyOf(0), 0, 1, 0, 0)).toThrow('expected 1 × 2 logits; found 3');
  });
});
