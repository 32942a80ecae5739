/** Confidence that the fitted scale lets a perfectly placed image reach, at the temperature below. */
const REACHABLE_CONFIDENCE = 0.99;
/** The default temperature of an evaluation. */
const EVALUATION_TEMPERATURE = 5;
const SMALLEST = 10;
/** ArcFace's published scale; more only sharpens a softmax that is sharp already. */
const LARGEST = 64;

/**
 * Scale s for a number of classes: CosFace's lower bound (arXiv:1801.09414, eq. 6),
 * s ≥ (C−1)/C · ln((C−1)·P/(1−P)), taken at P = 0.99 and times the evaluation's temperature, since the softmax
 * input is divided by it. 12 classes give 32, 158 give 48, 10,000 and more give 64.
 */
export function fitScale(classCount: number): number {
  const odds = REACHABLE_CONFIDENCE / (1 - REACHABLE_CONFIDENCE);
  const classes = Math.max(2, classCount);
  const others = classes - 1;
  const bound = (others / classes) * EVALUATION_TEMPERATURE * Math.log(others * odds);
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(bound * 100) / 100));
}
