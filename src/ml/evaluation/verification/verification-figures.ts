import { type BestThreshold, bestThreshold } from '../metrics/best-threshold.js';
import { type BootstrapOptions, bootstrapIntervals, type Interval } from '../metrics/bootstrap.js';
import { equalErrorRate } from '../metrics/equal-error-rate.js';
import { type FoldedAccuracy, foldedAccuracy } from '../metrics/lfw-folds.js';
import { areaUnderRoc, detCurve, rocCurve, thinCurve } from '../metrics/roc.js';
import { countByScore, type ScoreCounts } from '../metrics/score-counts.js';
import { interpolatedTar, REPORTED_FARS, type TarAtFar, tarAtFar } from '../metrics/tar-at-far.js';
import { squaredL2OfCosine } from '../metrics/threshold-units.js';

export type ScoredPairs = {
  /** Cosine of each pair, [pairs]. */
  readonly cosines: Float64Array;
  readonly genuine: Uint8Array;
};

export type FigureOptions = {
  readonly folds: number;
  /** null keeps the pairs' order. */
  readonly foldSeed: number | null;
  readonly bootstrap: BootstrapOptions;
};

export type VerificationFigures = {
  readonly pairs: number;
  readonly genuinePairs: number;
  readonly impostorPairs: number;
  readonly lfw: FoldedAccuracy | null;
  readonly auc: number | null;
  readonly eer: {
    readonly rate: number;
    readonly threshold: number;
    readonly thresholdSquaredL2: number;
  } | null;
  readonly tarAtFar: readonly TarAtFar[];
  readonly bestThreshold: BestThreshold | null;
  readonly intervals: {
    readonly level: number;
    readonly samples: number;
    readonly of: Readonly<Record<string, Interval | null>>;
  };
};

/** Points of a curve that a report holds. */
const CURVE_POINTS = 1000;

/** All figures of a verification but the curves. @throws MlError `scores_not_finite`; what `bootstrap.between` throws */
export async function verificationFigures(
  { cosines, genuine }: ScoredPairs,
  { folds, foldSeed, bootstrap }: FigureOptions,
): Promise<VerificationFigures> {
  const counts = countByScore({ scores: cosines, genuine });
  const { genuinePairs, impostorPairs } = counts;
  const roc = rocCurve(counts);
  const eer = roc === null ? null : equalErrorRate(roc);
  const squaredL2 = cosines.map((cosine) => squaredL2OfCosine(cosine));
  return {
    pairs: cosines.length,
    genuinePairs,
    impostorPairs,
    lfw: foldedAccuracy({ squaredL2, genuine }, { folds, shuffleSeed: foldSeed }),
    auc: roc === null ? null : areaUnderRoc(roc),
    eer: eer === null ? null : { ...eer, thresholdSquaredL2: squaredL2OfCosine(eer.threshold) },
    tarAtFar: roc === null ? [] : REPORTED_FARS.map((far) => tarAtFar(roc, far, impostorPairs)),
    bestThreshold: bestThreshold(counts),
    intervals: {
      level: bootstrap.level,
      samples: bootstrap.samples,
      of: await bootstrapIntervals(counts, measureSample, bootstrap),
    },
  };
}

/** The figures that get an interval; a TAR is the interpolated one. */
function measureSample(counts: ScoreCounts): Record<string, number | null> {
  const roc = rocCurve(counts);
  const tars = REPORTED_FARS.map((far) => {
    const known = roc !== null && far * counts.impostorPairs >= 1;
    return [`tarAtFar${far.toExponential()}`, known ? interpolatedTar(roc, far) : null];
  });
  return {
    auc: roc === null ? null : areaUnderRoc(roc),
    eer: roc === null ? null : equalErrorRate(roc).rate,
    bestAccuracy: bestThreshold(counts)?.accuracy ?? null,
    ...(Object.fromEntries(tars) as Record<string, number | null>),
  };
}

/** ROC and DET for a report, thinned; the threshold of the first point, where nothing is accepted, is null. */
export function verificationCurves({ cosines, genuine }: ScoredPairs) {
  const roc = rocCurve(countByScore({ scores: cosines, genuine }));
  if (roc === null) return null;
  const thin = thinCurve(roc, CURVE_POINTS);
  const det = detCurve(thin);
  return {
    thresholds: [null, ...thin.thresholds.subarray(1)],
    falseAccept: [...thin.falseAccept],
    trueAccept: [...thin.trueAccept],
    falseReject: [...det.falseReject],
  };
}

/** What slices are compared by. */
export function verificationHeadline(figures: VerificationFigures): Record<string, number | null> {
  const tars = figures.tarAtFar.map(({ far, interpolated }) => [
    `tarAtFar${far.toExponential()}`,
    interpolated,
  ]);
  return {
    lfwAccuracy: figures.lfw?.mean ?? null,
    auc: figures.auc,
    // Its complement, so that higher is better in every figure.
    oneMinusEer: figures.eer === null ? null : 1 - figures.eer.rate,
    ...(Object.fromEntries(tars) as Record<string, number | null>),
  };
}
