import { averagePrecision, mateRanks, rPrecision } from '../metrics/ranking.js';

/** What a search of the gallery says of one probe. */
export type ProbeResult = {
  /** Index of the identity with the best score. */
  readonly best: number;
  readonly score: number;
  /** Rank of the probe's own identity among the identities; null for a non-mated probe. */
  readonly rank: number | null;
  /** Over the gallery's images; null for a non-mated probe. */
  readonly averagePrecision: number | null;
  readonly rPrecision: number | null;
};

export type ProbeScores = {
  /** With each image of the gallery, [images]. */
  readonly images: ArrayLike<number>;
  /** Identity of each image of the gallery, [images]. */
  readonly identityOfImage: Uint32Array;
  /** With each identity, by the template rule, [identities]. */
  readonly identities: ArrayLike<number>;
};

/**
 * Ranks one probe. An identity or image that ties with the right one comes before it.
 * @param identity the probe's own, or null when the gallery has nobody of that name
 */
export function rankProbe(scores: ProbeScores, identity: number | null): ProbeResult {
  const { identities, images, identityOfImage } = scores;
  let best = 0;
  for (let i = 1; i < identities.length; i += 1) {
    if ((identities[i] as number) > (identities[best] as number)) best = i;
  }
  const score = identities[best] as number;
  if (identity === null) return { best, score, rank: null, averagePrecision: null, rPrecision: null };
  const own = identities[identity] as number;
  let rank = 1;
  for (let i = 0; i < identities.length; i += 1) {
    if (i !== identity && (identities[i] as number) >= own) rank += 1;
  }
  const ranks = mateRanks(
    images,
    identityOfImage.map((other) => (other === identity ? 1 : 0)),
  );
  return { best, score, rank, averagePrecision: averagePrecision(ranks), rPrecision: rPrecision(ranks) };
}

/** The best score of each identity's images. */
export function maxPerIdentity(
  images: ArrayLike<number>,
  identityOfImage: Uint32Array,
  identityCount: number,
): Float32Array {
  const best = new Float32Array(identityCount).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < images.length; i += 1) {
    const identity = identityOfImage[i] as number;
    if ((images[i] as number) > (best[identity] as number)) best[identity] = images[i] as number;
  }
  return best;
}
