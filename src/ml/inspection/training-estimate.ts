import { countBatches } from '../data/batches.js';
import type { SamplerSettings } from '../data/samplers/sampler.js';

/** What an estimate needs to know of a training. */
export type EstimatedTraining = {
  readonly backbone: string;
  readonly embeddingSize: number;
  readonly imageSize: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly accumulationSteps?: number | undefined;
  readonly sampler?: SamplerSettings['sampler'];
};

export type TrainingEstimate = {
  readonly stepsPerEpoch: number;
  readonly steps: number;
  /** Null for a backbone that was never measured. */
  readonly memory: { readonly bytes: number; readonly source: string } | null;
  readonly time: {
    readonly seconds: number;
    readonly imagesPerSecond: number;
    readonly source: string;
  } | null;
};

type Cost = {
  /** Peak of a training's process less its batch: engine, weights, gradients, momentum. */
  readonly fixedBytes: number;
  readonly bytesPerImage: number;
  readonly imagesPerSecond: number | null;
};

/**
 * Peak resident memory of bench/train-step-ours.mjs at 112 × 112 and batches of 4, 16 and 32 on a CPU (embeddings of 512,
 * 100 classes): the slope between the larger two, and the line raised until none lies above it. The speeds are
 * those of the prototypes in docs/architecture.md, on 2 processor cores.
 */
const COSTS: ReadonlyMap<string, Cost> = new Map([
  ['mobilefacenet', { fixedBytes: 482e6, bytesPerImage: 38.9e6, imagesPerSecond: 40 }],
  ['mbf', { fixedBytes: 535e6, bytesPerImage: 48.7e6, imagesPerSecond: null }],
  ['iresnet18', { fixedBytes: 916e6, bytesPerImage: 60.1e6, imagesPerSecond: 10 }],
  ['iresnet34', { fixedBytes: 1100e6, bytesPerImage: 65.1e6, imagesPerSecond: null }],
  ['iresnet50', { fixedBytes: 1219e6, bytesPerImage: 76.3e6, imagesPerSecond: null }],
]);
const MEASURED_SIDE = 112;
const MEMORY_SOURCE =
  'measured peak of a step on a CPU by bench/train-step-ours.mjs, scaled to this batch, image size and head';
const TIME_SOURCE = 'speed of a prototype on 2 processor cores; decoding and validation not counted';
const FLOAT_BYTES = 4;

/**
 * Memory and time of a training, from measured constants. The head adds its centres, their gradient and their momentum
 * (3·C·E floats), and per step the logits, their margins and their gradient (3·B·C). A decoded image's cost grows with
 * its area.
 */
export function estimateTraining(
  training: EstimatedTraining,
  { trainingImages, classCount }: { readonly trainingImages: number; readonly classCount: number },
): TrainingEstimate {
  const { backbone, batchSize, embeddingSize, epochs, imageSize } = training;
  const cost = COSTS.get(backbone);
  const area = (imageSize / MEASURED_SIDE) ** 2;
  const stepsPerEpoch = Math.ceil(countBatches(trainingImages, training) / (training.accumulationSteps ?? 1));
  const headBytes = 3 * FLOAT_BYTES * classCount * (embeddingSize + batchSize);
  const estimate = { stepsPerEpoch, steps: stepsPerEpoch * epochs };
  if (cost === undefined) return { ...estimate, memory: null, time: null };
  const bytes = Math.round(cost.fixedBytes + cost.bytesPerImage * batchSize * area + headBytes);
  const memory = { bytes, source: MEMORY_SOURCE };
  if (cost.imagesPerSecond === null) return { ...estimate, memory, time: null };
  const imagesPerSecond = cost.imagesPerSecond / area;
  const seconds = Math.round((epochs * trainingImages) / imagesPerSecond);
  return { ...estimate, memory, time: { seconds, imagesPerSecond, source: TIME_SOURCE } };
}
