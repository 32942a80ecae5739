import { join } from 'node:path';
import type { ImageEntry } from '../../data/image-entry.js';
import { breathing } from '../breath.js';
import { CsvWriter } from '../csv-writer.js';
import type { EmbeddingTable } from '../embed-images.js';
import { attributeOf, type ColumnSlices, sliceFigures } from '../slices.js';
import {
  type IdentificationFigures,
  identificationDet,
  identificationFigures,
  identificationHeadline,
} from './identification-figures.js';
import type { ProbeResult } from './rank-probe.js';
import { searchGallery, type TemplateRule } from './search-gallery.js';
import type { GallerySplit } from './split-gallery.js';

export const SEARCHES_FILE = 'searches.csv';

export type IdentifyOptions = {
  readonly outputDir: string;
  readonly rule: TemplateRule;
  readonly classNames: readonly string[];
  readonly sliceBy: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onBlock?: (probes: number) => void;
};

export type IdentificationReport = IdentificationFigures & {
  readonly galleryImages: number;
  readonly galleryIdentities: number;
  readonly templateRule: TemplateRule;
  readonly det: ReturnType<typeof identificationDet>;
  readonly slices: readonly ColumnSlices<IdentificationFigures>[];
};

/**
 * Searches the gallery with every probe, writes what each search says to searches.csv, and computes the figures.
 * @param tables of the gallery's and the probes' images, in their order
 * @throws MlError; the signal's reason
 */
export async function identifyProbes(
  { gallery, probes }: GallerySplit,
  tables: { readonly gallery: EmbeddingTable; readonly probes: EmbeddingTable },
  options: IdentifyOptions,
): Promise<IdentificationReport> {
  const { rule, classNames, signal, onBlock } = options;
  const labels = [...new Set(gallery.map(({ label }) => label))].sort((a, b) => a - b);
  const indexOfLabel = new Map(labels.map((label, index) => [label, index]));
  const identityOfImage = Uint32Array.from(gallery, ({ label }) => indexOfLabel.get(label) as number);
  const results = await searchGallery(
    { table: tables.gallery, identityOfImage, identityCount: labels.length },
    { table: tables.probes, identities: probes.map(({ label }) => indexOfLabel.get(label) ?? null) },
    { rule, between: breathing(signal), ...(onBlock === undefined ? {} : { onBlock }) },
  );
  const names = labels.map((label) => classNames[label] ?? '');
  await writeSearches(join(options.outputDir, SEARCHES_FILE), probes, { results, names, classNames });
  const figuresOf = (members: readonly number[]) =>
    identificationFigures(
      members.map((probe) => results[probe] as ProbeResult),
      labels.length,
    );
  const slices: ColumnSlices<IdentificationFigures>[] = [];
  for (const column of options.sliceBy) {
    const items = { count: probes.length, sliceOf: (probe: number) => attributeOf(probes[probe], column) };
    slices.push(await sliceFigures(column, items, { figures: figuresOf, headline: identificationHeadline }));
  }
  return {
    ...identificationFigures(results, labels.length),
    galleryImages: gallery.length,
    galleryIdentities: labels.length,
    templateRule: rule,
    det: identificationDet(results),
    slices,
  };
}

async function writeSearches(
  path: string,
  probes: readonly ImageEntry[],
  found: {
    readonly results: readonly ProbeResult[];
    readonly names: readonly string[];
    readonly classNames: readonly string[];
  },
): Promise<void> {
  const file = await CsvWriter.open(path, ['probe', 'identity', 'best', 'cosine', 'rank']);
  try {
    for (const [index, { best, score, rank }] of found.results.entries()) {
      const probe = probes[index] as ImageEntry;
      const identity = found.classNames[probe.label] ?? '';
      await file.add([probe.relativePath, identity, found.names[best] ?? '', score, rank]);
    }
  } finally {
    await file.close();
  }
}
