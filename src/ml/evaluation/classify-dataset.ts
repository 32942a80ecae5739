import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import { createRandom } from '../data/random.js';
import type { LoadedModel } from '../export/read-model.js';
import { MlError } from '../ml-error.js';
import type { PreparedDataset } from '../training/prepare-dataset.js';
import { predict } from '../training/validate.js';
import { CalibrationFit, type CalibrationReport } from './calibration.js';
import {
  type ClassificationReport,
  ClassificationTally,
  STRANGER,
  type TallyOptions,
} from './classification.js';
import { attributeOf, type ColumnSlices, gapOf, sliceItems } from './slices.js';

export type ClassifyOptions = {
  readonly pool: DecodePool;
  readonly batchSize: number;
  /** Seed of the order of images; null keeps the dataset's. */
  readonly shuffleSeed: number | null;
  /** null leaves the protocol `classification` out. */
  readonly tally: Omit<TallyOptions, 'classNames'> | null;
  /** Asked-for precision; null leaves the protocol `calibration` out. */
  readonly calibrationPrecision: number | null;
  readonly sliceBy: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onBatch?: (images: number, metrics: () => Record<string, number>) => void;
};

export type SliceFigures = Omit<ClassificationReport, 'perClass' | 'confusion' | 'mostConfused'>;

export type ClassifyReports = {
  readonly classification: (ClassificationReport & { readonly slices: ColumnSlices<SliceFigures>[] }) | null;
  readonly calibration: CalibrationReport | null;
};

/** Runs the model's head over labelled images once, for the protocols `classification` and `calibration`. */
export async function classifyImages(
  model: LoadedModel,
  images: readonly ImageEntry[],
  options: ClassifyOptions,
): Promise<ClassifyReports> {
  const { classNames } = model;
  const { pool, batchSize, signal, shuffleSeed, calibrationPrecision } = options;
  const ordered = shuffleSeed === null ? images : createRandom(shuffleSeed).shuffle(images);
  const tally = options.tally === null ? null : new ClassificationTally({ classNames, ...options.tally });
  const slicers =
    options.tally === null
      ? []
      : options.sliceBy.map(
          (column) =>
            new ClassificationSlicer(column, images, { classNames, ...options.tally } as TallyOptions),
        );
  const fit = calibrationPrecision === null ? null : new CalibrationFit(ordered.length, classNames.length);
  let done = 0;
  for await (const { logits, labels } of predict(model, ordered, { pool, batchSize, signal })) {
    const batch = ordered.slice(done, done + labels.length);
    tally?.add(
      logits,
      labels,
      batch.map(({ relativePath }) => relativePath),
    );
    for (const slicer of slicers) slicer.add(logits, labels, batch);
    fit?.add(logits, labels);
    done += labels.length;
    options.onBatch?.(labels.length, () => tally?.running() ?? {});
  }
  return {
    classification:
      tally === null ? null : { ...tally.report(), slices: slicers.map((slicer) => slicer.report()) },
    calibration: fit === null || calibrationPrecision === null ? null : fit.report(calibrationPrecision),
  };
}

/** A tally for each value of a column. */
class ClassificationSlicer {
  private readonly tallies: ReadonlyMap<string, ClassificationTally>;
  private readonly outside: number;

  constructor(
    private readonly column: string,
    images: readonly ImageEntry[],
    options: TallyOptions,
  ) {
    const { groups, outside } = sliceItems(column, images.length, (image) =>
      attributeOf(images[image], column),
    );
    this.tallies = new Map([...groups.keys()].map((value) => [value, new ClassificationTally(options)]));
    this.outside = outside;
  }

  add(logits: Float32Array, labels: Int32Array, batch: readonly ImageEntry[]): void {
    const classes = logits.length / labels.length;
    for (const [row, image] of batch.entries()) {
      const tally = this.tallies.get(attributeOf(image, this.column) ?? '');
      tally?.add(logits.subarray(row * classes, (row + 1) * classes), labels.subarray(row, row + 1));
    }
  }

  report(): ColumnSlices<SliceFigures> {
    const slices = [...this.tallies].map(([value, tally]) => {
      const {
        perClass: _perClass,
        confusion: _confusion,
        mostConfused: _mostConfused,
        ...figures
      } = tally.report();
      return { value, figures };
    });
    const names = ['accuracy', 'accuracyAtThreshold', 'coverage', 'precisionAtThreshold'] as const;
    const gaps = names.map((name) => [
      name,
      gapOf(slices.map(({ value, figures }) => ({ value, figure: figures[name] }))),
    ]);
    return { column: this.column, outside: this.outside, slices, gaps: Object.fromEntries(gaps) };
  }
}

/** The images with the model's labels in place of the dataset's. @throws MlError `no_known_class` */
export function labelByModel(
  { images, classNames }: Pick<PreparedDataset, 'images' | 'classNames'>,
  modelClasses: readonly string[],
): ImageEntry[] {
  const indexByName = new Map(modelClasses.map((name, index) => [name, index]));
  const labels = classNames.map((name) => indexByName.get(name) ?? STRANGER);
  const relabelled = images.map((image) => ({ ...image, label: labels[image.label] ?? STRANGER }));
  if (relabelled.some(({ label }) => label !== STRANGER)) return relabelled;
  const listed = (names: readonly string[]) => names.slice(0, 5).join(', ') || 'none';
  throw new MlError(
    'no_known_class',
    'data',
    `Expected readable images in folders named as the model's classes (${listed(modelClasses)}, …); ` +
      `found only other folders (${listed(classNames)}).`,
  );
}
