import { createRandom, type Random } from '../../data/random.js';
import type { ScoreCounts } from './score-counts.js';

export type BootstrapOptions = {
  readonly samples: number;
  readonly seed: number;
  /** Share of the samples that an interval holds, such as 0.95. */
  readonly level: number;
  /** Called between samples; may wait, and ends the work by throwing. */
  readonly between?: () => Promise<void> | void;
};

export type Interval = { readonly low: number; readonly high: number };
/** Figures of one sample by name; null where one has no value. */
export type Measure<Name extends string> = (counts: ScoreCounts) => Readonly<Record<Name, number | null>>;

/**
 * Percentile bootstrap intervals (Efron 1979): genuine and impostor pairs are drawn again with replacement, each
 * as many as there are. Pairs count as independent; those that share an image or a person are not, so that the
 * true interval is somewhat wider.
 * @returns for each figure its interval, or null where a sample had no value for it or nothing is drawn
 */
export async function bootstrapIntervals<Name extends string>(
  counts: ScoreCounts,
  measure: Measure<Name>,
  { samples, seed, level, between }: BootstrapOptions,
): Promise<Record<Name, Interval | null>> {
  const names = Object.keys(measure(counts)) as Name[];
  const drawn = names.map((): (number | null)[] => []);
  const random = createRandom(seed);
  const genuineBins = binOfEach(counts.genuine, counts.genuinePairs);
  const impostorBins = binOfEach(counts.impostor, counts.impostorPairs);
  for (let sample = 0; sample < samples; sample += 1) {
    await between?.();
    const genuine = drawAgain(genuineBins, counts.thresholds.length, random);
    const impostor = drawAgain(impostorBins, counts.thresholds.length, random);
    const figures = measure({ ...counts, genuine, impostor });
    for (const [i, name] of names.entries()) drawn[i]?.push(figures[name]);
  }
  const intervals = names.map((name, i) => [name, intervalOf(drawn[i] ?? [], level)]);
  return Object.fromEntries(intervals) as Record<Name, Interval | null>;
}

/**
 * The value below which a share of the values lies, on a straight line between neighbours (numpy's `linear`).
 * @param sorted ascending, at least one
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  return below + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] as number) - below);
}

function intervalOf(values: readonly (number | null)[], level: number): Interval | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0 || known.length < values.length) return null;
  const sorted = Float64Array.from(known).sort();
  return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

/** The index of each pair's score, [pairs]. */
function binOfEach(counts: Float64Array, pairs: number): Uint32Array {
  const bins = new Uint32Array(pairs);
  let to = 0;
  for (const [bin, count] of counts.entries()) {
    bins.fill(bin, to, to + count);
    to += count;
  }
  return bins;
}

function drawAgain(bins: Uint32Array, binCount: number, random: Random): Float64Array {
  const counts = new Float64Array(binCount);
  for (let i = 0; i < bins.length; i += 1) {
    const bin = bins[random.integer(bins.length)] as number;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}
