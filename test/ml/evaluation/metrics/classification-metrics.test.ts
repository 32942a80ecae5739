import { describe, expect, it } from 'vitest';
import {
  classFigures,
  meanOfKnown,
  rankOfLabel,
} from '../../../../src/ml/evaluation/metrics/classification-figures.js';
import { negativeLogLikelihood } from '../../../../src/ml/evaluation/metrics/likelihood.js';
import { reliability, thresholdForPrecision } from '../../../../src/ml/evaluation/metrics/reliability.js';
import { fitTemperature, meanNll } from '../../../../src/ml/evaluation/metrics/temperature-fit.js';
import { expectClose, fixtureCases } from './metric-fixture.js';

type At = {
  temperature: number;
  nll: number;
  confidences: number[];
  isCorrect: number[];
  usedBins: number[];
  binAccuracy: number[];
  binConfidence: number[];
  ece: number;
};
type Case = {
  classes: number;
  logits: number[];
  labels: number[];
  temperature: number;
  precision: number[];
  recall: number[];
  f1: number[];
  topK: Record<string, number>;
  at: At[];
};

describe.each(fixtureCases<Case>('classification'))('of $classes classes', (fixture) => {
  const { classes, labels } = fixture;
  const data = { logits: Float32Array.from(fixture.logits), labels, classes };
  const rows = labels.map((_, row) => data.logits.subarray(row * classes, (row + 1) * classes));

  it('precision, recall and F1 are scikit-learn’s', () => {
    const predicted = rows.map((row) => row.indexOf(Math.max(...row)));
    const figures = Array.from({ length: classes }, (_, of) =>
      classFigures({
        images: labels.filter((label) => label === of).length,
        predicted: predicted.filter((label) => label === of).length,
        correct: labels.filter((label, i) => label === of && predicted[i] === of).length,
      }),
    );
    for (const name of ['precision', 'recall', 'f1'] as const) {
      expectClose(
        figures.map((figure) => figure[name]),
        fixture[name],
      );
    }
  });

  it('top-k accuracy is scikit-learn’s', () => {
    const ranks = rows.map((row, i) => rankOfLabel(row, labels[i] as number));
    for (const [k, share] of Object.entries(fixture.topK)) {
      expectClose([ranks.filter((rank) => rank <= Number(k)).length / labels.length], [share]);
    }
  });

  it('the fitted temperature is SciPy’s root of the slope', () => {
    const fit = fitTemperature(data);
    expect(fit?.atBound).toBe(false);
    expectClose([(fit?.temperature ?? 0) / fixture.temperature], [1]);
    expect(fit?.nll).toBeLessThanOrEqual(meanNll(data, 1.01 * fixture.temperature) as number);
    expect(fit?.nll).toBeLessThanOrEqual(meanNll(data, 0.99 * fixture.temperature) as number);
  });

  it.each(fixture.at)('NLL and reliability at temperature $temperature are scikit-learn’s', (at) => {
    expectClose([meanNll(data, at.temperature)], [at.nll]);
    const { ece, bins } = reliability(at.confidences, at.isCorrect, 15);
    const used = bins.flatMap(({ images }, bin) => (images > 0 ? [bin] : []));
    expect(used).toEqual(at.usedBins);
    expectClose(
      used.map((bin) => bins[bin]?.accuracy ?? null),
      at.binAccuracy,
    );
    expectClose(
      used.map((bin) => bins[bin]?.meanConfidence ?? null),
      at.binConfidence,
    );
    expectClose([ece], [at.ece]);
  });
});

describe('fitTemperature', () => {
  const fitOf = (logits: number[], labels: number[], classes = 2) =>
    fitTemperature({ logits: Float32Array.from(logits), labels, classes });

  it('stops at the bound when every image is right, or nothing can be told', () => {
    expect(fitOf([1, 0, 0, 1], [0, 1])).toMatchObject({ temperature: 1e-3, atBound: true, nll: 0 });
    expect(fitOf([0, 1, 1, 0], [0, 1])).toMatchObject({ temperature: 1e3, atBound: true });
    expect(fitOf([3, 3], [0])).toMatchObject({ atBound: true, nll: Math.log(2) });
  });

  it('finds the temperature worked by hand', () => {
    // Three of four right with a gap of 2: softmax must say 3/4, so 2 / T = ln 3.
    expect(fitOf([2, 0, 2, 0, 2, 0, 2, 0], [0, 0, 0, 1])?.temperature).toBeCloseTo(2 / Math.log(3), 12);
  });

  it('has no answer without images', () => {
    expect(fitOf([], [])).toBeNull();
    expect(meanNll({ logits: new Float32Array(), labels: [], classes: 2 }, 1)).toBeNull();
  });
});

describe('negativeLogLikelihood', () => {
  it('does not overflow', () => {
    expect(negativeLogLikelihood([3e38, 0], 0, 1)).toBe(0);
    expect(negativeLogLikelihood([1e4, -1e4], 1, 1)).toBe(2e4);
  });
});

describe('reliability', () => {
  it('puts 0 into the first bin, 1 into the last, and a border into the bin below it', () => {
    const { bins } = reliability([0, 0.5, 1], [0, 1, 1], 2);
    expect(bins.map(({ images }) => images)).toEqual([2, 1]);
  });

  it('has no error of nothing, and refuses NaN', () => {
    expect(reliability([], [], 2)).toMatchObject({
      ece: null,
      bins: [{ accuracy: null }, { meanConfidence: null }],
    });
    expect(() => reliability([Number.NaN], [1], 2)).toThrow('expected a confidence in [0, 1]; found NaN');
  });
});

describe('thresholdForPrecision', () => {
  const confidences = [0.9, 0.8, 0.8, 0.6, 0.4];

  it('is the lowest that reaches the precision, with predictions of one confidence together', () => {
    expect(thresholdForPrecision(confidences, [1, 1, 0, 1, 0], 0.75)).toEqual({
      threshold: 0.6,
      precision: 0.75,
      coverage: 0.8,
    });
    expect(thresholdForPrecision(confidences, [1, 1, 0, 1, 0], 0.9)?.threshold).toBe(0.9);
  });

  it('is none where no threshold reaches it', () => {
    expect(thresholdForPrecision(confidences, [0, 1, 1, 1, 1], 1)).toBeNull();
    expect(thresholdForPrecision([], [], 0.5)).toBeNull();
  });
});

describe('figures of classes', () => {
  it('are null where there is nothing to take a share of', () => {
    expect(classFigures({ images: 0, predicted: 0, correct: 0 })).toEqual({
      precision: null,
      recall: null,
      f1: null,
    });
    expect(classFigures({ images: 2, predicted: 0, correct: 0 })).toEqual({
      precision: null,
      recall: 0,
      f1: 0,
    });
    expect(meanOfKnown([null, 1, 0])).toBe(0.5);
    expect(meanOfKnown([null])).toBeNull();
  });

  it('rank a label behind an equal logit of a lower index', () => {
    expect([0, 1, 2].map((label) => rankOfLabel([2, 2, 5], label))).toEqual([2, 3, 1]);
  });
});
