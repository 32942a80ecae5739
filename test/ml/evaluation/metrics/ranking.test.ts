import { describe, expect, it } from 'vitest';
import { openSetDet, tpirAtFpir } from '../../../../src/ml/evaluation/metrics/open-set.js';
import {
  averagePrecision,
  cumulativeMatch,
  mateRanks,
  rPrecision,
} from '../../../../src/ml/evaluation/metrics/ranking.js';
import { expectClose, fixtureCases } from './metric-fixture.js';

type Case = {
  scores: number[];
  isMate: number[];
  ranks: number[];
  averagePrecision: number;
  rPrecision: number;
};

describe.each(fixtureCases<Case>('ranking'))('of $ranks.length mates', (fixture) => {
  it('ranks, average precision and R-precision are scikit-learn’s', () => {
    const ranks = mateRanks(fixture.scores, fixture.isMate);
    expect(ranks).toEqual(fixture.ranks);
    expectClose([averagePrecision(ranks), rPrecision(ranks)], [fixture.averagePrecision, fixture.rPrecision]);
  });
});

describe('mateRanks', () => {
  it('puts others first where scores tie', () => {
    expect(mateRanks([0.5, 0.5, 0.5, 0.9, 0.1], [1, 1, 0, 0, 0])).toEqual([3, 4]);
    expect(mateRanks([0, 0, 0], [1, 0, 0])).toEqual([3]);
  });

  it('is empty without a mate, and refuses NaN', () => {
    expect(mateRanks([1, 2], [0, 0])).toEqual([]);
    expect(() => mateRanks([1, Number.NaN], [0, 1])).toThrow('Expected finite scores; found NaN at 1.');
  });
});

describe('cumulativeMatch', () => {
  it('is the share of first mates down to each rank', () => {
    expect(cumulativeMatch([1, 1, 3, 9], 4)).toEqual([0.5, 0.5, 0.75, 0.75]);
    expect(cumulativeMatch([], 4)).toBeNull();
  });
});

describe('tpirAtFpir', () => {
  const results = { mated: [0.9, 0.7, 0.5, null], nonMated: [0.8, 0.6, 0.4, 0.2] };

  it('counts mated probes found from the lowest threshold that keeps the rate', () => {
    // At 0.7 one of four strangers is accepted (0.8), and 0.9 and 0.7 are found.
    expect(tpirAtFpir(results, 0.25)).toEqual({
      fpir: 0.25,
      nonMatedProbes: 4,
      restsOn: 1,
      tpir: 0.5,
      threshold: 0.7,
    });
    expect(tpirAtFpir(results, 0.5)).toMatchObject({ tpir: 0.75, threshold: 0.5 });
    expect(tpirAtFpir(results, 1)).toMatchObject({ tpir: 0.75, threshold: 0.2 });
  });

  it('does not know a rate below one stranger, nor one without probes', () => {
    expect(tpirAtFpir(results, 0.1)).toMatchObject({ tpir: null, threshold: null, restsOn: 0.4 });
    expect(tpirAtFpir({ mated: [], nonMated: [1] }, 1).tpir).toBeNull();
    expect(tpirAtFpir({ mated: [1], nonMated: [] }, 1).tpir).toBeNull();
  });

  it('finds nobody where strangers who tie score best', () => {
    const tied = { mated: [0.5], nonMated: [0.9, 0.9, 0.1, 0.1] };
    expect(tpirAtFpir(tied, 0.25)).toMatchObject({ tpir: 0, threshold: null });
  });

  it('gives both error rates at every best score', () => {
    expect(openSetDet({ mated: [0.9, null], nonMated: [0.9, 0.1] })).toEqual([
      { threshold: 0.9, fpir: 0.5, fnir: 0.5 },
      { threshold: 0.1, fpir: 1, fnir: 0.5 },
    ]);
    expect(openSetDet({ mated: [], nonMated: [1] })).toBeNull();
  });
});
