import { join } from 'node:path';
import { breathing } from '../breath.js';
import { CsvWriter } from '../csv-writer.js';
import { cosineOf, type EmbeddingTable } from '../embed-images.js';
import { attributeOf, type ColumnSlices, sliceFigures } from '../slices.js';
import type { PairSet } from './pairs.js';
import { type ScoreHistogram, scoreHistogram } from './score-histogram.js';
import {
  type FigureOptions,
  type ScoredPairs,
  type VerificationFigures,
  verificationCurves,
  verificationFigures,
  verificationHeadline,
} from './verification-figures.js';

export const SCORES_FILE = 'scores.csv';

export type VerifyOptions = {
  readonly outputDir: string;
  readonly folds: number;
  readonly shuffleFolds: boolean;
  readonly bootstrapSamples: number;
  readonly confidenceLevel: number;
  readonly seed: number;
  readonly sliceBy: readonly string[];
  readonly signal?: AbortSignal | undefined;
};

export type VerificationReport = VerificationFigures & {
  readonly curves: ReturnType<typeof verificationCurves>;
  readonly histogram: ScoreHistogram;
  readonly slices: readonly ColumnSlices<VerificationFigures>[];
};

/**
 * Scores pairs by the cosine of their embeddings, writes each score to scores.csv, and computes the figures.
 * @param table of the pairs' images, in their order
 * @throws MlError; the signal's reason
 */
export async function verifyPairs(
  pairs: PairSet,
  table: EmbeddingTable,
  options: VerifyOptions,
): Promise<VerificationReport> {
  const between = breathing(options.signal);
  const cosines = await scorePairs(pairs, table, { outputDir: options.outputDir, between });
  const { seed, folds, bootstrapSamples: samples, confidenceLevel: level } = options;
  const figureOptions: FigureOptions = {
    folds,
    foldSeed: options.shuffleFolds ? seed : null,
    bootstrap: { samples, seed, level, between },
  };
  const scored = { cosines, genuine: pairs.genuine };
  const figures = await verificationFigures(scored, figureOptions);
  const slices: ColumnSlices<VerificationFigures>[] = [];
  for (const column of options.sliceBy) {
    const sliceOf = (pair: number) => commonValue(pairs, pair, column);
    slices.push(
      await sliceFigures(
        column,
        { count: cosines.length, sliceOf },
        {
          figures: (members) => verificationFigures(pick(scored, members), figureOptions),
          headline: verificationHeadline,
        },
      ),
    );
  }
  return { ...figures, curves: verificationCurves(scored), histogram: scoreHistogram(scored), slices };
}

async function scorePairs(
  { images, left, right, genuine }: PairSet,
  table: EmbeddingTable,
  { outputDir, between }: { readonly outputDir: string; readonly between: () => Promise<void> },
): Promise<Float64Array> {
  const cosines = new Float64Array(genuine.length);
  const file = await CsvWriter.open(join(outputDir, SCORES_FILE), ['left', 'right', 'same', 'cosine']);
  try {
    for (let pair = 0; pair < cosines.length; pair += 1) {
      const a = left[pair] as number;
      const b = right[pair] as number;
      const cosine = cosineOf(table, a, b);
      cosines[pair] = cosine;
      const names = [images[a]?.relativePath ?? '', images[b]?.relativePath ?? ''];
      await file.add([...names, genuine[pair] as number, cosine]);
      await between();
    }
  } finally {
    await file.close();
  }
  return cosines;
}

/** The value that both images of a pair have; null when they differ or one has none. */
function commonValue({ images, left, right }: PairSet, pair: number, column: string): string | null {
  const value = attributeOf(images[left[pair] as number], column);
  return value === attributeOf(images[right[pair] as number], column) ? value : null;
}

function pick({ cosines, genuine }: ScoredPairs, members: readonly number[]): ScoredPairs {
  return {
    cosines: Float64Array.from(members, (pair) => cosines[pair] as number),
    genuine: Uint8Array.from(members, (pair) => genuine[pair] as number),
  };
}
