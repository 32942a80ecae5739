import { MlError } from '../ml-error.js';
import { type AugmentationSettings, changesPixels } from './augmentation/augmentation-settings.js';
import { ImageSeeds } from './augmentation/image-seed.js';
import type { BatchAugmentation } from './decode-messages.js';
import type { DecodedBatch, DecodePool } from './decode-pool.js';
import type { ImageEntry } from './image-entry.js';
import { createRandom, deriveSeed } from './random.js';
import { type SamplerSettings, sampleEpoch } from './samplers/sampler.js';

export type PlannedBatch = {
  readonly images: readonly ImageEntry[];
  /** Whether each image is mirrored left to right. */
  readonly flips: readonly boolean[];
  /** What else is done to the images at random; null for nothing. */
  readonly augmentation: BatchAugmentation | null;
};

export type PlanOptions = SamplerSettings & {
  readonly batchSize: number;
  /** null leaves every image as it is. */
  readonly augmentation: AugmentationSettings | null;
  readonly seed: number;
  readonly epoch: number;
  /** Leaves out a last batch of one image: batch norm has no variance to train on. */
  readonly dropSingle: boolean;
};

/**
 * What an epoch goes through, decided before any file is opened: the same seed and epoch give the same plan. Mirroring is drawn in
 * the plan's order; every other change from a seed of its own for each image.
 * @throws MlError `too_few_classes` when the sampler `p-by-k` asks for more classes than there are
 */
export function planEpoch(images: readonly ImageEntry[], options: PlanOptions): PlannedBatch[] {
  const { augmentation: settings, batchSize } = options;
  const epochSeed = deriveSeed(options.seed, options.epoch);
  const random = createRandom(epochSeed);
  const ordered = sampleEpoch(images, options, random);
  const flipProbability = settings?.flip.probability ?? 0;
  const seeds = settings !== null && changesPixels(settings) ? new ImageSeeds(epochSeed) : null;
  const batches: PlannedBatch[] = [];
  for (let start = 0; start < ordered.length; start += batchSize) {
    const members = ordered.slice(start, start + batchSize);
    if (members.length === 1 && options.dropSingle) break;
    const flips = members.map(() => flipProbability > 0 && random.next() < flipProbability);
    const augmentation =
      settings === null || seeds === null
        ? null
        : { settings, seeds: members.map(({ relativePath }) => seeds.next(relativePath)) };
    batches.push({ images: members, flips, augmentation });
  }
  return batches;
}

/** How many batches an epoch of a training has, without planning it: the length of a plan that drops a single image. */
export function countBatches(
  imageCount: number,
  { batchSize, sampler = 'each-image' }: Pick<PlanOptions, 'batchSize' | 'sampler'>,
): number {
  const whole = Math.floor(imageCount / batchSize);
  // A draw of P × K fills whole batches, and at least one.
  if (sampler === 'p-by-k') return Math.max(1, whole);
  return imageCount % batchSize > 1 ? whole + 1 : whole;
}

/** The images as they are and in their order, each once. */
export function planInOrder(images: readonly ImageEntry[], batchSize: number): PlannedBatch[] {
  return Array.from({ length: Math.ceil(images.length / batchSize) }, (_, i) => {
    const members = images.slice(i * batchSize, (i + 1) * batchSize);
    return { images: members, flips: members.map(() => false), augmentation: null };
  });
}

export type Batch = {
  /** [count, size, size, 3], each value in [−1, 1]. Its memory is used again once the next batch is asked for. */
  readonly pixels: Float32Array;
  readonly labels: Int32Array;
  readonly count: number;
};

/**
 * The batches of a plan in order, with up to `depth` (at least 1) of them decoding ahead. Leaving the loop early waits for
 * nothing and decodes nothing further.
 * @throws MlError `image_unreadable` for a file that changed since it was inspected
 */
export async function* prefetch(
  pool: DecodePool,
  plan: readonly PlannedBatch[],
  depth: number,
): AsyncGenerator<Batch> {
  const ahead: Promise<DecodedBatch>[] = [];
  let next = 0;
  const fill = (): void => {
    while (ahead.length < depth) {
      const batch = plan[next];
      if (batch === undefined) return;
      next += 1;
      const decoded = pool.decode(batch.images, batch.flips, batch.augmentation);
      // Its failure is told when its turn comes; if the loop ends before that, nobody needs to hear of it.
      decoded.catch(() => {});
      ahead.push(decoded);
    }
  };
  try {
    for (const { images } of plan) {
      fill();
      const decoded = await (ahead.shift() as Promise<DecodedBatch>);
      fill();
      try {
        assertReadable(images, decoded);
        const labels = Int32Array.from(images, ({ label }) => label);
        yield { pixels: decoded.pixels, labels, count: images.length };
      } finally {
        decoded.release();
      }
    }
  } finally {
    for (const decoded of ahead) {
      decoded.then(
        ({ release }) => release(),
        () => {},
      );
    }
  }
}

function assertReadable(images: readonly ImageEntry[], { failed: [failure] }: DecodedBatch): void {
  if (failure === undefined) return;
  const path = images[failure.index]?.relativePath;
  const message = `Expected ${path} to be as readable as when the job began; found: ${failure.reason}.`;
  throw new MlError('image_unreadable', 'data', message);
}
