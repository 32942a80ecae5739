import { MlError } from '../ml-error.js';
import { type ConfusedPair, ConfusedPairs } from './confused-pairs.js';
import {
  type ClassFigures,
  classFigures,
  meanOfKnown,
  rankOfLabel,
  ratio,
} from './metrics/classification-figures.js';

/** The label of an image that belongs to no class of the model. */
export const STRANGER = -1;
/** Classes up to which a report holds the whole confusion matrix. */
const CONFUSION_CLASSES = 100;
/** The k of the top-k accuracies; those that a model has no classes for are left out. */
const TOP_K = [1, 5, 10] as const;

export type TallyOptions = {
  readonly classNames: readonly string[];
  /** A prediction is accepted at this confidence or above; 0 accepts all. */
  readonly threshold: number;
  readonly temperature: number;
};

export type ClassScore = ClassFigures & {
  readonly name: string;
  readonly images: number;
  readonly predicted: number;
  readonly correct: number;
  readonly correctAtThreshold: number;
};

export type ClassificationReport = {
  /** Images of known classes; strangers are counted apart. */
  readonly images: number;
  readonly classes: number;
  readonly correct: number;
  readonly accuracy: number | null;
  /** Share of known images that are predicted right and accepted. */
  readonly accuracyAtThreshold: number | null;
  /** Share of known images that are accepted. */
  readonly coverage: number | null;
  /** Share of accepted known images that are right. */
  readonly precisionAtThreshold: number | null;
  /** Over known images, of the class predicted, right or wrong. */
  readonly meanConfidence: number | null;
  readonly threshold: number;
  readonly temperature: number;
  /** Share of known images whose class is among the k with the largest logits. */
  readonly topK: readonly { readonly k: number; readonly accuracy: number | null }[];
  /** Mean over the classes that have the figure. */
  readonly macro: ClassFigures;
  readonly perClass: readonly ClassScore[];
  /** [true class][predicted class], or null for more than 100 classes. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly mostConfused: readonly ConfusedPair[];
  readonly strangers: {
    readonly images: number;
    readonly rejected: number;
    readonly falselyAccepted: number;
    readonly falseAcceptRate: number | null;
  };
};

/** Softmax of logits / temperature, shifted by the largest so that nothing overflows. */
export function softmaxWithTemperature(logits: Float32Array, temperature: number): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  const powers = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Counts a classification batch by batch: the original tool's test, and what becomes of strangers. */
export class ClassificationTally {
  private readonly perClass: {
    images: number;
    predicted: number;
    correct: number;
    correctAtThreshold: number;
  }[];
  private readonly confusion: number[][] | null;
  private readonly confused = new ConfusedPairs();
  private readonly topK: { readonly k: number; images: number }[];
  private readonly strangers = { images: 0, rejected: 0 };
  private accepted = 0;
  private confidenceSum = 0;

  constructor(private readonly options: TallyOptions) {
    const { classNames } = options;
    const classes = classNames.length;
    this.perClass = classNames.map(() => ({ images: 0, predicted: 0, correct: 0, correctAtThreshold: 0 }));
    this.topK = TOP_K.filter((k) => k === 1 || k < classes).map((k) => ({ k, images: 0 }));
    this.confusion =
      classes <= CONFUSION_CLASSES ? classNames.map(() => new Array<number>(classes).fill(0)) : null;
  }

  /**
   * Adds a batch.
   * @param logits [n, classes] row by row
   * @param labels [n], a class index or `STRANGER`
   * @param names [n], of the images, to show which are confused
   * @throws MlError `logits_not_finite`, Error for a label that is no class
   */
  add(logits: Float32Array, labels: Int32Array, names: readonly string[] = []): void {
    const classes = this.options.classNames.length;
    if (logits.length !== labels.length * classes) {
      throw new Error(`expected ${labels.length} × ${classes} logits; found ${logits.length}`);
    }
    for (const [row, label] of labels.entries()) {
      this.addOne(logits.subarray(row * classes, (row + 1) * classes), label, names[row]);
    }
  }

  /** The figures so far, for progress. */
  running(): Record<string, number> {
    const { images, accuracy, accuracyAtThreshold } = this.summary();
    return images === 0 ? {} : { accuracy: accuracy ?? 0, accuracyAtThreshold: accuracyAtThreshold ?? 0 };
  }

  report(): ClassificationReport {
    const { classNames, threshold, temperature } = this.options;
    const { images, rejected } = this.strangers;
    const falselyAccepted = images - rejected;
    const known = this.summary();
    const perClass = this.perClass.map((score, index) => ({
      name: classNames[index] ?? '',
      ...score,
      ...classFigures(score),
    }));
    return {
      ...known,
      classes: classNames.length,
      threshold,
      temperature,
      topK: this.topK.map(({ k, images: found }) => ({ k, accuracy: ratio(found, known.images) })),
      macro: {
        precision: meanOfKnown(perClass.map(({ precision }) => precision)),
        recall: meanOfKnown(perClass.map(({ recall }) => recall)),
        f1: meanOfKnown(perClass.map(({ f1 }) => f1)),
      },
      perClass,
      confusion: this.confusion?.map((row) => [...row]) ?? null,
      mostConfused: this.confused.worst(classNames),
      strangers: { images, rejected, falselyAccepted, falseAcceptRate: ratio(falselyAccepted, images) },
    };
  }

  private addOne(logits: Float32Array, label: number, name: string | undefined): void {
    // Looked for in the logits: a softmax turns −infinity into an innocent 0.
    if (!logits.every(Number.isFinite)) {
      throw new MlError(
        'logits_not_finite',
        'infrastructure',
        'Expected finite logits; found NaN or infinity.',
      );
    }
    const probabilities = softmaxWithTemperature(logits, this.options.temperature);
    const predicted = logits.reduce((best, value, i) => (value > (logits[best] ?? 0) ? i : best), 0);
    const confidence = probabilities[predicted] ?? 0;
    const isAccepted = confidence >= this.options.threshold;
    if (label === STRANGER) {
      this.strangers.images += 1;
      if (!isAccepted) this.strangers.rejected += 1;
      return;
    }
    const score = this.perClass[label];
    if (score === undefined)
      throw new Error(`expected a label below ${this.perClass.length}; found ${label}`);
    const isCorrect = predicted === label;
    score.images += 1;
    (this.perClass[predicted] as (typeof this.perClass)[0]).predicted += 1;
    const rank = rankOfLabel(logits, label);
    for (const top of this.topK) if (rank <= top.k) top.images += 1;
    if (!isCorrect) this.confused.add(label, predicted, name);
    if (isCorrect) score.correct += 1;
    if (isCorrect && isAccepted) score.correctAtThreshold += 1;
    if (isAccepted) this.accepted += 1;
    this.confidenceSum += confidence;
    const row = this.confusion?.[label];
    if (row !== undefined) row[predicted] = (row[predicted] ?? 0) + 1;
  }

  private summary() {
    const total = (of: 'images' | 'correct' | 'correctAtThreshold') =>
      this.perClass.reduce((sum, score) => sum + score[of], 0);
    const images = total('images');
    return {
      images,
      correct: total('correct'),
      accuracy: ratio(total('correct'), images),
      accuracyAtThreshold: ratio(total('correctAtThreshold'), images),
      coverage: ratio(this.accepted, images),
      precisionAtThreshold: ratio(total('correctAtThreshold'), this.accepted),
      meanConfidence: ratio(this.confidenceSum, images),
    };
  }
}
