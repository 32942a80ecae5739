import { assertFinite } from './score-counts.js';

/**
 * Ranks, from 1, of the entries of a gallery that show the probe's identity, ascending. An entry of another identity
 * with the same score comes first: a tie never helps.
 * @param scores of the probe with each entry, [entries]; higher is more alike
 * @param isMate 1 where the entry shows the probe's identity, [entries]
 * @throws MlError `scores_not_finite`
 */
export function mateRanks(scores: ArrayLike<number>, isMate: ArrayLike<number>): number[] {
  assertFinite(scores);
  const mates: number[] = [];
  for (let i = 0; i < scores.length; i += 1) if (isMate[i]) mates.push(scores[i] as number);
  mates.sort((a, b) => b - a);
  // before[m]: others that come before mate m but not before mate m − 1.
  const before = new Array<number>(mates.length + 1).fill(0);
  for (let i = 0; i < scores.length; i += 1) {
    if (isMate[i]) continue;
    const first = firstNotAbove(mates, scores[i] as number);
    before[first] = (before[first] as number) + 1;
  }
  let others = 0;
  return mates.map((_, index) => {
    others += before[index] as number;
    return others + index + 1;
  });
}

/**
 * Average precision: the mean, over the mates, of the share of mates among the entries down to it.
 * @param ranks of the mates, ascending; at least one
 */
export function averagePrecision(ranks: readonly number[]): number {
  return ranks.reduce((sum, rank, index) => sum + (index + 1) / rank, 0) / ranks.length;
}

/** The share of mates among the first R entries, where R is the number of mates (Craswell 2009). */
export function rPrecision(ranks: readonly number[]): number {
  return ranks.filter((rank) => rank <= ranks.length).length / ranks.length;
}

/**
 * Cumulative match characteristic: for each rank the share of probes whose first mate has that rank or a better one.
 * @param firstRanks of each mated probe
 * @returns [maxRank], the value for rank r at r − 1; null without probes
 */
export function cumulativeMatch(firstRanks: readonly number[], maxRank: number): number[] | null {
  if (firstRanks.length === 0) return null;
  const hits = new Array<number>(maxRank).fill(0);
  for (const rank of firstRanks) if (rank <= maxRank) hits[rank - 1] = (hits[rank - 1] as number) + 1;
  let found = 0;
  return hits.map((count) => {
    found += count;
    return found / firstRanks.length;
  });
}

/** Index of the first value that is ≤ `score` in a descending array, or its length. */
function firstNotAbove(descending: readonly number[], score: number): number {
  let low = 0;
  let high = descending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((descending[middle] as number) <= score) high = middle;
    else low = middle + 1;
  }
  return low;
}
