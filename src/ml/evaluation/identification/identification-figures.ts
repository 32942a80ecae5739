import { meanOfKnown } from '../metrics/classification-figures.js';
import { openSetDet, REPORTED_FPIRS, type TpirAtFpir, tpirAtFpir } from '../metrics/open-set.js';
import { cumulativeMatch } from '../metrics/ranking.js';
import type { ProbeResult } from './rank-probe.js';

/** Ranks that the CMC goes down to. */
const CMC_RANKS = 50;
const DET_POINTS = 1000;

export type IdentificationFigures = {
  readonly probes: number;
  readonly matedProbes: number;
  readonly nonMatedProbes: number;
  readonly rank1: number | null;
  readonly rank5: number | null;
  readonly rank10: number | null;
  /** The share at rank r is at r − 1; null without mated probes. */
  readonly cmc: readonly number[] | null;
  readonly meanAveragePrecision: number | null;
  readonly rPrecision: number | null;
  readonly tpirAtFpir: readonly TpirAtFpir[];
};

/** The figures of searches: closed set over mated probes, open set over all. @throws MlError `scores_not_finite` */
export function identificationFigures(
  results: readonly ProbeResult[],
  identityCount: number,
): IdentificationFigures {
  const mated = results.filter(({ rank }) => rank !== null);
  const ranks = mated.map(({ rank }) => rank as number);
  const cmc = cumulativeMatch(ranks, Math.min(CMC_RANKS, identityCount));
  // Beyond the last identity every mated probe has been found.
  const atRank = (rank: number) => (cmc === null ? null : (cmc[Math.min(rank, cmc.length) - 1] ?? null));
  const searches = toSearches(results);
  return {
    probes: results.length,
    matedProbes: mated.length,
    nonMatedProbes: results.length - mated.length,
    rank1: atRank(1),
    rank5: atRank(5),
    rank10: atRank(10),
    cmc,
    meanAveragePrecision: meanOfKnown(mated.map(({ averagePrecision }) => averagePrecision)),
    rPrecision: meanOfKnown(mated.map(({ rPrecision }) => rPrecision)),
    tpirAtFpir: REPORTED_FPIRS.map((fpir) => tpirAtFpir(searches, fpir)),
  };
}

/** The open-set DET for a report, thinned evenly; null when there are no mated or no non-mated probes. */
export function identificationDet(results: readonly ProbeResult[]) {
  const points = openSetDet(toSearches(results));
  if (points === null) return null;
  const stride = Math.ceil(points.length / DET_POINTS);
  const kept = points.filter((_, i) => i % stride === 0 || i === points.length - 1);
  return {
    thresholds: kept.map(({ threshold }) => threshold),
    fpir: kept.map(({ fpir }) => fpir),
    fnir: kept.map(({ fnir }) => fnir),
  };
}

/** What slices are compared by. */
export function identificationHeadline(figures: IdentificationFigures): Record<string, number | null> {
  const { rank1, rank5, rank10, meanAveragePrecision, rPrecision } = figures;
  const open = figures.tpirAtFpir.map(({ fpir, tpir }) => [`tpirAtFpir${fpir}`, tpir]);
  return {
    ...{ rank1, rank5, rank10, meanAveragePrecision, rPrecision },
    ...(Object.fromEntries(open) as Record<string, number | null>),
  };
}

function toSearches(results: readonly ProbeResult[]) {
  return {
    mated: results.filter(({ rank }) => rank !== null).map(({ rank, score }) => (rank === 1 ? score : null)),
    nonMated: results.filter(({ rank }) => rank === null).map(({ score }) => score),
  };
}
