import { describe, expect, it } from 'vitest';
import { bestThreshold } from '../../../../src/ml/evaluation/metrics/best-threshold.js';
import { equalErrorRate } from '../../../../src/ml/evaluation/metrics/equal-error-rate.js';
import { foldedAccuracy } from '../../../../src/ml/evaluation/metrics/lfw-folds.js';
import {
  areaUnderRoc,
  detCurve,
  type RocCurve,
  rocCurve,
  thinCurve,
} from '../../../../src/ml/evaluation/metrics/roc.js';
import { countByScore } from '../../../../src/ml/evaluation/metrics/score-counts.js';
import { interpolatedTar, tarAtFar } from '../../../../src/ml/evaluation/metrics/tar-at-far.js';
import { expectClose, fixtureCases } from './metric-fixture.js';

type Case = {
  name: string;
  scores: number[];
  genuine: number[];
  thresholds: number[];
  falseAccept: number[];
  trueAccept: number[];
  /** Thresholds, null for infinity, and both error rates there. */
  det: [(number | null)[], number[], number[]];
  auc: number;
  aucOfCurve: number;
  eer: number;
  fars: number[];
  interpolated: number[];
  nearest: [number, number][];
  bestAccuracy: number;
  folds: { accuracies: number[]; thresholds: number[]; mean: number; standardDeviation: number };
};

const rocOf = (scores: number[], genuine: number[]) =>
  rocCurve(countByScore({ scores, genuine })) as RocCurve;

describe.each(fixtureCases<Case>('verification'))('of the pairs "$name"', (fixture) => {
  const roc = rocOf(fixture.scores, fixture.genuine);

  it('ROC and AUC are scikit-learn’s', () => {
    expectClose(roc.thresholds.subarray(1), fixture.thresholds);
    expectClose(roc.falseAccept, fixture.falseAccept);
    expectClose(roc.trueAccept, fixture.trueAccept);
    expectClose([areaUnderRoc(roc), areaUnderRoc(roc)], [fixture.auc, fixture.aucOfCurve]);
  });

  it('DET agrees with scikit-learn’s at each threshold that it keeps', () => {
    const det = detCurve(roc);
    const [thresholds, falseAccept, falseReject] = fixture.det;
    expect(thresholds.length).toBeGreaterThan(0);
    const at = thresholds.map((threshold) =>
      [...det.thresholds].indexOf(threshold ?? Number.POSITIVE_INFINITY),
    );
    expectClose(
      at.map((i) => det.falseAccept[i] ?? null),
      falseAccept,
    );
    expectClose(
      at.map((i) => det.falseReject[i] ?? null),
      falseReject,
    );
  });

  it('EER is SciPy’s root of the interpolated curve', () => {
    expectClose([equalErrorRate(roc).rate], [fixture.eer]);
  });

  it('TAR is numpy’s interpolation, and that of the nearest FAR', () => {
    expectClose(
      fixture.fars.map((far) => interpolatedTar(roc, far)),
      fixture.interpolated,
    );
    fixture.fars.forEach((far, i) => {
      // Pairs enough that every rate is known, whatever the case has.
      const { nearest, interpolated } = tarAtFar(roc, far, 1e6);
      expectClose([nearest?.far ?? null, nearest?.tar ?? null], fixture.nearest[i] ?? []);
      expectClose([interpolated], [fixture.interpolated[i] as number]);
    });
  });

  it('best accuracy is that of trying every threshold', () => {
    expectClose([bestThreshold(countByScore(fixture))?.accuracy ?? null], [fixture.bestAccuracy]);
  });

  it('the folds’ accuracies and thresholds are those of scikit-learn’s KFold', () => {
    const squaredL2 = fixture.scores.map((score) => 2 - 2 * score);
    const folded = foldedAccuracy({ squaredL2, genuine: fixture.genuine }, { folds: 10, shuffleSeed: null });
    const { accuracies, thresholds, mean, standardDeviation } = fixture.folds;
    expectClose(folded?.perFold.map(({ accuracy }) => accuracy) ?? [], accuracies);
    expectClose(folded?.perFold.map(({ threshold }) => threshold) ?? [], thresholds);
    expectClose([folded?.mean ?? null, folded?.standardDeviation ?? null], [mean, standardDeviation]);
    expect(folded?.shuffled).toBe(false);
  });
});

describe('countByScore', () => {
  it('counts pairs of one score together, highest score first', () => {
    const counts = countByScore({ scores: [0.1, 0.9, 0.1, 0.5, 0.1], genuine: [0, 1, 1, 0, 0] });
    expect([...counts.thresholds]).toEqual([0.9, 0.5, 0.1]);
    expect([...counts.genuine]).toEqual([1, 0, 1]);
    expect([...counts.impostor]).toEqual([0, 1, 2]);
    expect(counts).toMatchObject({ genuinePairs: 2, impostorPairs: 3 });
  });

  it('takes 0 and −0 for one score', () => {
    expect(countByScore({ scores: [0, -0], genuine: [1, 0] }).thresholds).toHaveLength(1);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuses a score of %d',
    (value) => {
      expect(() => countByScore({ scores: [0, value], genuine: [1, 0] })).toThrow(
        `Expected finite scores; found ${value} at 1.`,
      );
    },
  );

  it('refuses labels of another length', () => {
    expect(() => countByScore({ scores: [1], genuine: [1, 0] })).toThrow(
      'expected 1 labels of pairs; found 2',
    );
  });
});

describe('without one kind of pair', () => {
  it.each([[[]], [[1, 1]], [[0, 0]]])('there is no curve of %j', (genuine: number[]) => {
    expect(rocCurve(countByScore({ scores: genuine.map((_, i) => i), genuine }))).toBeNull();
  });

  it('the best threshold accepts all genuine pairs, or no impostor pair', () => {
    expect(bestThreshold(countByScore({ scores: [], genuine: [] }))).toBeNull();
    expect(bestThreshold(countByScore({ scores: [0.2, 0.4], genuine: [1, 1] }))).toEqual({
      accuracy: 1,
      threshold: 0.2,
      thresholdSquaredL2: 1.6,
    });
    expect(bestThreshold(countByScore({ scores: [0.2, 0.4], genuine: [0, 0] }))).toEqual({
      accuracy: 1,
      threshold: null,
      thresholdSquaredL2: null,
    });
  });
});

describe('tarAtFar', () => {
  const roc = rocOf([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 1, 0, 1, 0]);

  it('does not know a rate that rests on less than one impostor pair', () => {
    expect(tarAtFar(roc, 0.1, 3)).toEqual({
      far: 0.1,
      impostorPairs: 3,
      restsOn: 0.3,
      interpolated: null,
      nearest: null,
      threshold: null,
      thresholdSquaredL2: null,
    });
    expect(tarAtFar(roc, 0.001, 3000).restsOn).toBe(3);
  });

  it('names interpolated and nearest apart, and the lowest threshold that keeps the rate', () => {
    // Points (0, 1/3), (1/3, 1/3), (1/3, 2/3), (2/3, 2/3), (2/3, 1), (1, 1): at 0.5 half-way between two equal rates.
    const half = tarAtFar(roc, 0.5, 3);
    expect(half.interpolated).toBeCloseTo(2 / 3, 12);
    expect(half.nearest).toEqual({ far: 2 / 3, tar: 1 });
    expect(half.threshold).toBe(0.7);
    expect(half.thresholdSquaredL2).toBeCloseTo(0.6, 12);
    expect(tarAtFar(roc, 1 / 3, 3)).toMatchObject({
      interpolated: 2 / 3,
      nearest: { far: 1 / 3, tar: 2 / 3 },
    });
  });

  it('has no threshold where the best score is that of too many impostor pairs', () => {
    const inverted = rocOf([0.9, 0.9, 0.1], [0, 0, 1]);
    expect(tarAtFar(inverted, 0.5, 2)).toMatchObject({ threshold: null, interpolated: 0 });
  });
});

describe('equalErrorRate', () => {
  it.each([
    ['0 of scores that separate', [0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], 0],
    ['1/2 of scores that are all the same', [0.3, 0.3, 0.3], [1, 0, 0], 0.5],
    ['1 of scores that are the wrong way round', [0.1, 0.9], [1, 0], 1],
  ])('is %s', (_, scores, genuine, rate) => {
    expect(equalErrorRate(rocOf(scores, genuine)).rate).toBe(rate);
  });
});

describe('foldedAccuracy', () => {
  const squaredL2 = [0.5, 0.5, 0.5, 0.5, 3, 3, 3, 3];
  const genuine = [1, 1, 1, 1, 0, 0, 0, 0];

  it('counts folds of one class instead of dividing by their nothing', () => {
    const unshuffled = foldedAccuracy({ squaredL2, genuine }, { folds: 4, shuffleSeed: null });
    expect(unshuffled).toMatchObject({ singleClassFolds: 4, mean: 1, standardDeviation: 0, shuffled: false });
    const shuffled = foldedAccuracy({ squaredL2, genuine }, { folds: 2, shuffleSeed: 3 });
    expect(shuffled).toMatchObject({ shuffled: true, mean: 1 });
    expect(shuffled?.perFold.reduce((sum, fold) => sum + fold.genuinePairs, 0)).toBe(4);
  });

  it('takes the first of the best thresholds, above 0.5, and accepts below it only', () => {
    const folded = foldedAccuracy({ squaredL2, genuine }, { folds: 2, shuffleSeed: null });
    // The fold without impostor pairs is judged at what suits impostor pairs alone, threshold 0.
    expect(folded?.perFold.map(({ threshold, accuracy }) => [threshold, accuracy])).toEqual([
      [0, 0],
      [0.51, 1],
    ]);
  });

  it('deals pairs by the seed', () => {
    const noisy = squaredL2.map((_, i) => (i * 1.7) % 4);
    const of = (shuffleSeed: number) =>
      foldedAccuracy({ squaredL2: noisy, genuine }, { folds: 3, shuffleSeed });
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
    expect(of(1)?.perFold.map(({ pairs }) => pairs)).toEqual([3, 3, 2]);
  });

  it('has no answer for fewer pairs than folds, and refuses NaN', () => {
    expect(foldedAccuracy({ squaredL2, genuine }, { folds: 9, shuffleSeed: null })).toBeNull();
    expect(() =>
      foldedAccuracy({ squaredL2: [Number.NaN], genuine: [1] }, { folds: 1, shuffleSeed: null }),
    ).toThrow('Expected finite scores; found NaN at 0.');
  });
});

describe('thinCurve', () => {
  it('keeps the ends and points as they are', () => {
    const scores = Array.from({ length: 5000 }, (_, i) => Math.sin(i) + (i % 2) * 0.3);
    const roc = rocOf(
      scores,
      scores.map((_, i) => i % 2),
    );
    const thin = thinCurve(roc, 300);
    expect(thin.thresholds.length).toBeLessThanOrEqual(303);
    expect(thin.thresholds.length).toBeGreaterThan(100);
    expect([thin.falseAccept[0], thin.falseAccept.at(-1)]).toEqual([0, 1]);
    thin.thresholds.forEach((threshold, i) => {
      const at = roc.thresholds.indexOf(threshold);
      expect([thin.falseAccept[i], thin.trueAccept[i]]).toEqual([roc.falseAccept[at], roc.trueAccept[at]]);
    });
    expect(thinCurve(thin, 1000)).toBe(thin);
  });
});
