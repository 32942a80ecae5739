import type { ImageEntry } from '../data/image-entry.js';
import { MlError } from '../ml-error.js';

/** More values than this make no slices but a list of images. */
const MAX_VALUES = 200;

export type Gap = {
  readonly best: { readonly value: string; readonly figure: number };
  readonly worst: { readonly value: string; readonly figure: number };
  readonly gap: number;
};

export type Slice<Figures> = { readonly value: string; readonly figures: Figures };

export type ColumnSlices<Figures> = {
  readonly column: string;
  /** Items that belong to no slice: without a value, or pairs of two. */
  readonly outside: number;
  readonly slices: readonly Slice<Figures>[];
  /** By figure; null where fewer than two slices have it. */
  readonly gaps: Readonly<Record<string, Gap | null>>;
};

/**
 * Items by the value that each has in a column, values in the order of their code units.
 * @param sliceOf the item's value; null when it has none
 * @throws MlError `slice_column_missing`, `slice_too_fine`
 */
export function sliceItems(
  column: string,
  count: number,
  sliceOf: (item: number) => string | null,
): { readonly groups: ReadonlyMap<string, readonly number[]>; readonly outside: number } {
  const groups = new Map<string, number[]>();
  let outside = 0;
  for (let item = 0; item < count; item += 1) {
    const value = sliceOf(item);
    if (value === null) {
      outside += 1;
      continue;
    }
    const group = groups.get(value);
    if (group === undefined) groups.set(value, [item]);
    else group.push(item);
  }
  if (groups.size === 0) {
    const message = `Expected a dataset with the column "${column}" (sliceBy); found no value of it.`;
    throw new MlError('slice_column_missing', 'user', message);
  }
  if (groups.size > MAX_VALUES) {
    const message = `Expected at most ${MAX_VALUES} values in the column "${column}" (sliceBy); found ${groups.size}.`;
    throw new MlError('slice_too_fine', 'user', message);
  }
  return { groups: new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1))), outside };
}

/** An image's value in a column of its manifest; null when it has none. */
export function attributeOf(image: ImageEntry | undefined, column: string): string | null {
  const value = image?.attributes?.[column];
  return value === undefined || value === '' ? null : value;
}

/** Computes figures for each slice of a column and the gaps between the best and the worst. Higher figures are better. */
export async function sliceFigures<Figures>(
  column: string,
  items: { readonly count: number; readonly sliceOf: (item: number) => string | null },
  compute: {
    readonly figures: (items: readonly number[]) => Promise<Figures> | Figures;
    readonly headline: (figures: Figures) => Readonly<Record<string, number | null>>;
  },
): Promise<ColumnSlices<Figures>> {
  const { groups, outside } = sliceItems(column, items.count, items.sliceOf);
  const slices: Slice<Figures>[] = [];
  for (const [value, members] of groups) slices.push({ value, figures: await compute.figures(members) });
  const headlines = slices.map(({ value, figures }) => ({ value, headline: compute.headline(figures) }));
  const names = [...new Set(headlines.flatMap(({ headline }) => Object.keys(headline)))];
  const gaps = names.map((name) => [
    name,
    gapOf(headlines.map(({ value, headline }) => ({ value, figure: headline[name] ?? null }))),
  ]);
  return { column, outside, slices, gaps: Object.fromEntries(gaps) as Record<string, Gap | null> };
}

/** null where fewer than two slices have the figure. The first of equals counts. */
export function gapOf(
  slices: readonly { readonly value: string; readonly figure: number | null }[],
): Gap | null {
  const known = slices.flatMap(({ value, figure }) => (figure === null ? [] : [{ value, figure }]));
  const [first] = known;
  if (first === undefined || known.length < 2) return null;
  const best = known.reduce((a, b) => (b.figure > a.figure ? b : a), first);
  const worst = known.reduce((a, b) => (b.figure < a.figure ? b : a), first);
  return { best, worst, gap: best.figure - worst.figure };
}
