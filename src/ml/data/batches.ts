import { MlError } from '../ml-error.js';
import type { DecodedBatch, DecodePool } from './decode-pool.js';
import type { ImageEntry } from './image-entry.js';
import { createRandom, deriveSeed } from './random.js';
import { type SamplerSettings, sampleEpoch } from './samplers/sampler.js';

export type PlannedBatch = {
  readonly images: readonly ImageEntry[];
  /** Whether each image is mirrored left to right. */
  readonly flips: readonly boolean[];
};

export type PlanOptions = SamplerSettings & {
  readonly batchSize: number;
  /** Probability that an image is mirrored, drawn anew each epoch. */
  readonly flipProbability: number;
  readonly seed: number;
  readonly epoch: number;
  /** Leaves out a last batch of one image: batch norm has no variance to train on. */
  readonly dropSingle: boolean;
};

/**
 * What an epoch goes through, decided before any file is opened: the same seed and epoch give the same plan.
 * @throws MlError `too_few_classes` when the sampler `p-by-k` asks for more classes than there are
 */
export function planEpoch(images: readonly ImageEntry[], options: PlanOptions): PlannedBatch[] {
  const random = createRandom(deriveSeed(options.seed, options.epoch));
  const ordered = sampleEpoch(images, options, random);
  const { flipProbability } = options;
  const batches: PlannedBatch[] = [];
  for (let start = 0; start < ordered.length; start += options.batchSize) {
    const members = ordered.slice(start, start + options.batchSize);
    if (members.length === 1 && options.dropSingle) break;
    batches.push({
      images: members,
      flips: members.map(() => flipProbability > 0 && random.next() < flipProbability),
    });
  }
  return batches;
}

export type Batch = {
  /** [count, size, size, 3], each value in [−1, 1]. */
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
      const decoded = pool.decode(batch.images, batch.flips);
      // Its failure is told when its turn comes; if the loop ends before that, nobody needs to hear of it.
      decoded.catch(() => {});
      ahead.push(decoded);
    }
  };
  for (const { images } of plan) {
    fill();
    const { pixels, failed } = await (ahead.shift() as Promise<DecodedBatch>);
    fill();
    const [failure] = failed;
    if (failure !== undefined) {
      const path = images[failure.index]?.relativePath;
      const message = `Expected ${path} to be as readable as when the job began; found: ${failure.reason}.`;
      throw new MlError('image_unreadable', 'data', message);
    }
    yield { pixels, labels: Int32Array.from(images, ({ label }) => label), count: images.length };
  }
}
