import { MlError } from '../../ml-error.js';

/** Scores of pairs, higher meaning more alike; `genuine` is 1 where both show the same identity, else 0. */
export type PairScores = {
  readonly scores: ArrayLike<number>;
  readonly genuine: ArrayLike<number>;
};

/** How many genuine and impostor pairs have each score: all that the curves and rates of a verification rest on. */
export type ScoreCounts = {
  /** Distinct scores, highest first. A pair is accepted when its score is at least the threshold. */
  readonly thresholds: Float64Array;
  /** Pairs with exactly this score. */
  readonly genuine: Float64Array;
  readonly impostor: Float64Array;
  readonly genuinePairs: number;
  readonly impostorPairs: number;
};

/** @throws MlError `scores_not_finite`; Error when the lengths differ */
export function countByScore({ scores, genuine }: PairScores): ScoreCounts {
  if (scores.length !== genuine.length) {
    throw new Error(`expected ${scores.length} labels of pairs; found ${genuine.length}`);
  }
  assertFinite(scores);
  const mates = sortedWhere(scores, genuine, true);
  const strangers = sortedWhere(scores, genuine, false);
  const thresholds: number[] = [];
  const mateCounts: number[] = [];
  const strangerCounts: number[] = [];
  let mate = mates.length - 1;
  let stranger = strangers.length - 1;
  while (mate >= 0 || stranger >= 0) {
    const score = Math.max(
      mates[mate] ?? Number.NEGATIVE_INFINITY,
      strangers[stranger] ?? Number.NEGATIVE_INFINITY,
    );
    const mateBefore = mate;
    const strangerBefore = stranger;
    while (mates[mate] === score) mate -= 1;
    while (strangers[stranger] === score) stranger -= 1;
    thresholds.push(score);
    mateCounts.push(mateBefore - mate);
    strangerCounts.push(strangerBefore - stranger);
  }
  return {
    thresholds: Float64Array.from(thresholds),
    genuine: Float64Array.from(mateCounts),
    impostor: Float64Array.from(strangerCounts),
    genuinePairs: mates.length,
    impostorPairs: strangers.length,
  };
}

/** @throws MlError `scores_not_finite` */
export function assertFinite(scores: ArrayLike<number>): void {
  for (let i = 0; i < scores.length; i += 1) {
    if (Number.isFinite(scores[i])) continue;
    const message = `Expected finite scores; found ${scores[i]} at ${i}.`;
    throw new MlError('scores_not_finite', 'infrastructure', message);
  }
}

/** Ascending: a typed array sorts numbers without a comparison function, which a million scores need. */
function sortedWhere(scores: ArrayLike<number>, genuine: ArrayLike<number>, wanted: boolean): Float64Array {
  let count = 0;
  for (let i = 0; i < genuine.length; i += 1) if (Boolean(genuine[i]) === wanted) count += 1;
  const found = new Float64Array(count);
  let to = 0;
  for (let i = 0; i < genuine.length; i += 1) {
    if (Boolean(genuine[i]) !== wanted) continue;
    found[to] = scores[i] as number;
    to += 1;
  }
  return found.sort();
}
