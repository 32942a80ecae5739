import type { Random } from '../data/random.js';

/** The classes that a step looks at, and where each image's own is among them. */
export type ClassSample = {
  /** Ascending, none twice. */
  readonly classes: Int32Array;
  /** For each label, its index in `classes`. */
  readonly positions: Int32Array;
};

/** At most so many classes a step looks at: what its accuracy and loss by chance depend on. */
export function comparedClasses(
  classCount: number,
  { batchSize, sampleRate = 1 }: { readonly batchSize: number; readonly sampleRate?: number | undefined },
): number {
  return Math.max(Math.min(batchSize, classCount), Math.floor(sampleRate * classCount));
}

/** Marks of a class while a sample is drawn. */
const LEFT_OUT = 0;
const CHOSEN = 1;
const POSITIVE = 2;

/**
 * PartialFC's choice of classes (An et al. 2022, arXiv:2203.15565): all classes of the batch and random others, up to
 * ⌊sampleRate · classCount⌋; the batch's alone when they are more than that.
 * @param labels each in [0, classCount)
 */
export function sampleClasses(
  labels: Int32Array,
  { classCount, sampleRate }: { readonly classCount: number; readonly sampleRate: number },
  random: Random,
): ClassSample {
  const positives = new Set(labels);
  const size = Math.max(positives.size, Math.floor(sampleRate * classCount));
  // Whichever is fewer is drawn, the chosen or those left out: a draw then rarely meets a class that is taken.
  const drawsChosen = size <= classCount / 2;
  const marks = new Uint8Array(classCount).fill(drawsChosen ? LEFT_OUT : CHOSEN);
  for (const label of positives) marks[label] = POSITIVE;
  const [from, to] = drawsChosen ? [LEFT_OUT, CHOSEN] : [CHOSEN, LEFT_OUT];
  let missing = drawsChosen ? size - positives.size : classCount - size;
  while (missing > 0) {
    const candidate = random.integer(classCount);
    if (marks[candidate] !== from) continue;
    marks[candidate] = to;
    missing -= 1;
  }
  return number(marks, size, labels);
}

function number(marks: Uint8Array, size: number, labels: Int32Array): ClassSample {
  const classes = new Int32Array(size);
  const indices = new Map<number, number>();
  let next = 0;
  for (let index = 0; index < marks.length; index += 1) {
    if (marks[index] === LEFT_OUT) continue;
    if (marks[index] === POSITIVE) indices.set(index, next);
    classes[next] = index;
    next += 1;
  }
  return { classes, positions: labels.map((label) => indices.get(label) ?? -1) };
}
