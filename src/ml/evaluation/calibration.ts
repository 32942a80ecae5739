import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MlError } from '../ml-error.js';
import { STRANGER, softmaxWithTemperature } from './classification.js';
import { type Reliability, reliability, thresholdForPrecision } from './metrics/reliability.js';
import { fitTemperature, meanNll } from './metrics/temperature-fit.js';

export const CALIBRATION_FILE = 'calibration.json';
const CALIBRATION_FORMAT = 'arcqueue-calibration/1';
const BINS = 15;
/** Logits that are held until the fit, in bytes. */
const MAX_BYTES = 2 ** 31;

export type CalibrationReport = {
  /** Images of known classes; temperature, NLL and ECE are theirs. */
  readonly images: number;
  /** They count as wrong predictions when the threshold is chosen. */
  readonly strangers: number;
  readonly temperature: number;
  readonly temperatureAtBound: boolean;
  readonly nll: { readonly before: number | null; readonly after: number };
  readonly reliability: { readonly before: Reliability; readonly after: Reliability };
  readonly precision: number;
  /** The lowest confidence at the temperature that reaches the precision; null when none does. */
  readonly threshold: number | null;
  readonly reachedPrecision: number | null;
  readonly coverage: number | null;
};

/** What an evaluation takes for `auto`. */
export type Calibration = {
  readonly format: typeof CALIBRATION_FORMAT;
  readonly model: string | null;
  readonly datasetHash: string;
  readonly temperature: number;
  readonly threshold: number | null;
  readonly precision: number;
};

/** Keeps the logits of a calibration dataset and fits temperature and threshold to them. */
export class CalibrationFit {
  private readonly logits: Float32Array;
  private readonly labels: Int32Array;
  private filled = 0;

  /** @throws MlError `calibration_too_large` */
  constructor(
    images: number,
    private readonly classes: number,
  ) {
    const bytes = images * classes * Float32Array.BYTES_PER_ELEMENT;
    if (bytes > MAX_BYTES) {
      const most = Math.floor(MAX_BYTES / Float32Array.BYTES_PER_ELEMENT / classes);
      const message = `Expected at most ${most} images to calibrate ${classes} classes with; found ${images}.`;
      throw new MlError('calibration_too_large', 'data', message);
    }
    this.logits = new Float32Array(images * classes);
    this.labels = new Int32Array(images);
  }

  /** @param logits [n, classes] @param labels [n], a class index or `STRANGER` */
  add(logits: Float32Array, labels: Int32Array): void {
    this.logits.set(logits, this.filled * this.classes);
    this.labels.set(labels, this.filled);
    this.filled += labels.length;
  }

  /**
   * Before: at temperature 1. After: at the fitted temperature.
   * @param precision that the predictions at the threshold or above have to reach
   */
  report(precision: number): CalibrationReport {
    const known = this.known();
    const fit = fitTemperature(known);
    if (fit === null) throw new Error('expected images of known classes to calibrate with; found none');
    const { temperature } = fit;
    const all = this.predictions(temperature, false);
    const chosen = thresholdForPrecision(all.confidences, all.isCorrect, precision);
    const [before, after] = [1, temperature].map((at) => {
      const { confidences, isCorrect } = this.predictions(at, true);
      return reliability(confidences, isCorrect, BINS);
    }) as [Reliability, Reliability];
    return {
      images: known.labels.length,
      strangers: this.filled - known.labels.length,
      temperature,
      temperatureAtBound: fit.atBound,
      nll: { before: meanNll(known, 1), after: fit.nll },
      reliability: { before, after },
      precision,
      threshold: chosen?.threshold ?? null,
      reachedPrecision: chosen?.precision ?? null,
      coverage: chosen?.coverage ?? null,
    };
  }

  private row(image: number): Float32Array {
    return this.logits.subarray(image * this.classes, (image + 1) * this.classes);
  }

  private known() {
    const images = [...this.labels.keys()].filter((image) => this.labels[image] !== STRANGER);
    const logits = new Float32Array(images.length * this.classes);
    for (const [to, image] of images.entries()) logits.set(this.row(image), to * this.classes);
    return {
      logits,
      labels: Int32Array.from(images, (image) => this.labels[image] as number),
      classes: this.classes,
    };
  }

  private predictions(temperature: number, knownOnly: boolean) {
    const confidences: number[] = [];
    const isCorrect: number[] = [];
    for (const [image, label] of this.labels.entries()) {
      if (knownOnly && label === STRANGER) continue;
      const row = this.row(image);
      const predicted = row.reduce((best, value, i) => (value > (row[best] as number) ? i : best), 0);
      confidences.push(softmaxWithTemperature(row, temperature)[predicted] as number);
      isCorrect.push(predicted === label ? 1 : 0);
    }
    return { confidences, isCorrect };
  }
}

/** Writes what later evaluations take for `auto`. */
export async function writeCalibration(dir: string, calibration: Omit<Calibration, 'format'>): Promise<void> {
  const content = { format: CALIBRATION_FORMAT, ...calibration };
  await writeFile(join(dir, CALIBRATION_FILE), `${JSON.stringify(content, null, 1)}\n`);
}

/** @throws MlError `calibration_missing`, `calibration_unreadable` */
export async function readCalibration(dir: string): Promise<Calibration> {
  const text = await readFile(join(dir, CALIBRATION_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    const message =
      'Expected a calibration for "auto": name an evaluation with the protocol "calibration" in the field calibration; found none.';
    throw new MlError('calibration_missing', 'user', message);
  });
  const calibration = parse(text);
  if (calibration?.format === CALIBRATION_FORMAT) return calibration;
  const message = `Expected a calibration of the format ${CALIBRATION_FORMAT}; found ${calibration?.format ?? 'something else'}.`;
  throw new MlError('calibration_unreadable', 'infrastructure', message);
}

function parse(text: string): Calibration | null {
  try {
    return JSON.parse(text) as Calibration | null;
  } catch {
    return null;
  }
}
