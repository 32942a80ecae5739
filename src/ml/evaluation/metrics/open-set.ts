import type { ScoreCounts } from './score-counts.js';
import { countByScore } from './score-counts.js';

export const REPORTED_FPIRS = [0.3, 0.1, 0.01, 0.001] as const;

/** What a 1:N search said of each probe; the best score is that of the most similar identity. */
export type SearchResults = {
  /** Mated probes: the best score where the right identity is at rank 1, else null. */
  readonly mated: readonly (number | null)[];
  /** Non-mated probes (nobody of the gallery): the best score. */
  readonly nonMated: readonly number[];
};

export type TpirAtFpir = {
  readonly fpir: number;
  readonly nonMatedProbes: number;
  /** Non-mated probes that may be taken for somebody at this rate: what the figure rests on. */
  readonly restsOn: number;
  /** Share of mated probes found at rank 1 with a score at or above the threshold; null when `restsOn` is below 1. */
  readonly tpir: number | null;
  /** The lowest score at which at most `fpir` of the non-mated probes are taken for somebody. */
  readonly threshold: number | null;
};

/**
 * True positive identification rate at a false positive identification rate, open set with rank 1 (Phillips et al. 2011;
 * NIST FRVT 1:N, where FNIR = 1 − TPIR).
 * @throws MlError `scores_not_finite`
 */
export function tpirAtFpir(results: SearchResults, fpir: number): TpirAtFpir {
  const nonMatedProbes = results.nonMated.length;
  const restsOn = Number((fpir * nonMatedProbes).toPrecision(12));
  const unknown = { fpir, nonMatedProbes, restsOn, tpir: null, threshold: null };
  if (restsOn < 1 || results.mated.length === 0) return unknown;
  const counts = countSearches(results);
  let accepted = 0;
  let found = 0;
  let best: { found: number; threshold: number | null } = { found: 0, threshold: null };
  for (const [i, threshold] of counts.thresholds.entries()) {
    accepted += counts.impostor[i] as number;
    found += counts.genuine[i] as number;
    if (accepted > restsOn) break;
    best = { found, threshold };
  }
  return { ...unknown, tpir: best.found / results.mated.length, threshold: best.threshold };
}

export type OpenSetPoint = { readonly threshold: number; readonly fpir: number; readonly fnir: number };

/** The open-set DET: FPIR and FNIR at every distinct best score, highest first; null when a kind of probe is missing. */
export function openSetDet(results: SearchResults): OpenSetPoint[] | null {
  const { mated, nonMated } = results;
  if (mated.length === 0 || nonMated.length === 0) return null;
  const counts = countSearches(results);
  let accepted = 0;
  let found = 0;
  return Array.from(counts.thresholds, (threshold, i) => {
    accepted += counts.impostor[i] as number;
    found += counts.genuine[i] as number;
    return { threshold, fpir: accepted / nonMated.length, fnir: 1 - found / mated.length };
  });
}

function countSearches({ mated, nonMated }: SearchResults): ScoreCounts {
  const hits = mated.filter((score) => score !== null);
  const genuine = [...hits.map(() => 1), ...nonMated.map(() => 0)];
  return countByScore({ scores: [...hits, ...nonMated], genuine });
}
