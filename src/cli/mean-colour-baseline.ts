import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage } from '../ml/data/decode-image.js';

/** Side that an image is reduced to before its mean is taken, in pixels. */
const SIZE = 32;
const RATE = 1;
const MOST_STEPS = 1000;
const FEWEST_STEPS = 50;
/** Samples × classes × steps that are worth the wait: a few seconds. */
const BUDGET = 2e8;

/** Mean red, green and blue of an image and the name of its class. */
export type ColourSample = { readonly colour: readonly number[]; readonly className: string };

/** Reads the mean colours of a folder of class folders; unreadable files are left out, as the service does. */
export async function readMeanColours(folder: string): Promise<ColourSample[]> {
  const samples: ColourSample[] = [];
  for (const { name: className } of (await readdir(folder, { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  )) {
    for (const file of await readdir(join(folder, className))) {
      const pixels = await decodeImage(await readFile(join(folder, className, file)), SIZE).catch(() => null);
      if (pixels !== null) samples.push({ colour: meanColour(pixels), className });
    }
  }
  return samples;
}

/**
 * Softmax regression on standardised mean colours, by plain gradient descent on the whole set: what can be told
 * from colour alone.
 * @returns share of the test samples of known classes that it gets right, null when there are none
 */
export function meanColourAccuracy(
  train: readonly ColourSample[],
  test: readonly ColourSample[],
): number | null {
  const classNames = [...new Set(train.map(({ className }) => className))].sort();
  const known = test.filter(({ className }) => classNames.includes(className));
  if (known.length === 0) return null;
  const scale = standardisation(train);
  const inputs = train.map(({ colour }) => scale(colour));
  const labels = train.map(({ className }) => classNames.indexOf(className));
  const weights = learnWeights(inputs, labels, classNames.length);
  const correct = known.filter(
    ({ colour, className }) => classNames[argmax(scores(weights, scale(colour)))] === className,
  );
  return correct.length / known.length;
}

function meanColour(pixels: Uint8Array): number[] {
  const sums = [0, 0, 0];
  for (const [index, value] of pixels.entries()) sums[index % 3] = (sums[index % 3] ?? 0) + value;
  return sums.map((sum) => (sum * 3) / pixels.length);
}

/** Subtracts the mean, divides by the deviation, and appends the 1 that the bias multiplies. */
function standardisation(samples: readonly ColourSample[]): (colour: readonly number[]) => number[] {
  const statistics = [0, 1, 2].map((channel) => {
    const values = samples.map(({ colour }) => colour[channel] ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) || 1 };
  });
  return (colour) => [
    ...statistics.map(({ mean, deviation }, i) => ((colour[i] ?? 0) - mean) / deviation),
    1,
  ];
}

/** @returns [classes][4] */
function learnWeights(inputs: readonly number[][], labels: readonly number[], classes: number): number[][] {
  const weights = Array.from({ length: classes }, () => [0, 0, 0, 0]);
  const affordable = Math.floor(BUDGET / (inputs.length * classes));
  const steps = Math.max(FEWEST_STEPS, Math.min(MOST_STEPS, affordable));
  for (let step = 0; step < steps; step += 1) {
    const gradient = weights.map((row) => row.map(() => 0));
    for (const [n, input] of inputs.entries()) {
      for (const [c, probability] of softmax(scores(weights, input)).entries()) {
        const error = probability - (labels[n] === c ? 1 : 0);
        const row = gradient[c] as number[];
        for (const [i, value] of input.entries()) row[i] = (row[i] ?? 0) + error * value;
      }
    }
    for (const [c, row] of weights.entries()) {
      for (const i of row.keys()) row[i] = (row[i] ?? 0) - (RATE * (gradient[c]?.[i] ?? 0)) / inputs.length;
    }
  }
  return weights;
}

function scores(weights: readonly number[][], input: readonly number[]): number[] {
  return weights.map((row) => row.reduce((sum, weight, i) => sum + weight * (input[i] ?? 0), 0));
}

function softmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function argmax(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? 0) ? i : best), 0);
}
