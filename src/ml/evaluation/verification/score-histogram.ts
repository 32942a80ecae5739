import type { ScoredPairs } from './verification-figures.js';

const BINS = 50;

export type ScoreHistogram = {
  /** Cosines, [bins + 1]; a score on an edge counts above it. */
  readonly edges: readonly number[];
  /** Share of the genuine pairs in each bin; zeros when there are none. */
  readonly genuine: readonly number[];
  readonly impostor: readonly number[];
};

/** How the scores of both kinds of pairs are spread over [−1, 1]. */
export function scoreHistogram({ cosines, genuine }: ScoredPairs): ScoreHistogram {
  const counts = { genuine: new Array<number>(BINS).fill(0), impostor: new Array<number>(BINS).fill(0) };
  let genuinePairs = 0;
  for (let pair = 0; pair < cosines.length; pair += 1) {
    const isGenuine = Boolean(genuine[pair]);
    if (isGenuine) genuinePairs += 1;
    const bins = isGenuine ? counts.genuine : counts.impostor;
    const bin = Math.min(BINS - 1, Math.floor((((cosines[pair] as number) + 1) / 2) * BINS));
    bins[bin] = (bins[bin] as number) + 1;
  }
  const toShares = (bins: readonly number[], pairs: number) =>
    bins.map((count) => (pairs === 0 ? 0 : count / pairs));
  return {
    edges: Array.from({ length: BINS + 1 }, (_, i) => -1 + (2 * i) / BINS),
    genuine: toShares(counts.genuine, genuinePairs),
    impostor: toShares(counts.impostor, cosines.length - genuinePairs),
  };
}
