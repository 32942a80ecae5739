import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DEFAULT_AUGMENTATION } from '../../../src/ml/data/augmentation/augmentation-settings.js';
import { countBatches, type PlanOptions, planEpoch, prefetch } from '../../../src/ml/data/batches.js';
import { scanClassFolder } from '../../../src/ml/data/class-folder.js';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import type { ImageEntry } from '../../../src/ml/data/image-entry.js';
import { folderOf, plainPng } from './image-files.js';

const OPTIONS: PlanOptions = {
  batchSize: 4,
  shuffle: true,
  augmentation: DEFAULT_AUGMENTATION,
  seed: 1,
  epoch: 0,
  dropSingle: true,
};
const imagesOf = (count: number): ImageEntry[] =>
  Array.from({ length: count }, (_, i) => ({ path: `/x/${i}`, relativePath: `c/${i}`, label: i % 3 }));
const plannedOf = (count: number, options: Partial<PlanOptions> = {}) =>
  planEpoch(imagesOf(count), { ...OPTIONS, ...options });

/** Ten images, in class `a` and `b` in turn of five; the red of image i is 20 i. */
async function dataset() {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 10; i += 1) files[`${i < 5 ? 'a' : 'b'}/${i}.png`] = await plainPng([20 * i, 0, 0]);
  const { images } = await scanClassFolder(await folderOf(files));
  const pool = await DecodePool.open({ threads: 2, imageSize: 4 });
  onTestFinished(() => pool.close());
  return { images, pool, plan: planEpoch(images, { ...OPTIONS, batchSize: 2, shuffle: false }) };
}

describe('planEpoch', () => {
  it('goes through every image once, in full batches and a last short one', () => {
    const plan = plannedOf(10);
    expect(plan.map(({ images }) => images.length)).toEqual([4, 4, 2]);
    expect(plan.map(({ flips }) => flips.length)).toEqual([4, 4, 2]);
    expect(new Set(plan.flatMap(({ images }) => images)).size).toBe(10);
  });

  it('leaves out a last batch of one where asked, and plans nothing of nothing', () => {
    expect(plannedOf(9).map(({ images }) => images.length)).toEqual([4, 4]);
    expect(plannedOf(9, { dropSingle: false }).map(({ images }) => images.length)).toEqual([4, 4, 1]);
    expect(plannedOf(0)).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5, 8, 9, 10, 127])(
    'has as many batches as countBatches says of %i images',
    (count) => {
      for (const sampler of ['each-image', 'class-balanced', undefined] as const) {
        expect(countBatches(count, { batchSize: 4, sampler })).toBe(plannedOf(count, { sampler }).length);
      }
      if (count < 2) return;
      const byClass = { sampler: 'p-by-k', classesPerBatch: 2, imagesPerClass: 2 } as const;
      expect(countBatches(count, { batchSize: 4, ...byClass })).toBe(plannedOf(count, byClass).length);
    },
  );

  it('repeats itself by seed and epoch, and differs in order and flips between them', () => {
    expect(plannedOf(40)).toEqual(plannedOf(40));
    for (const other of [plannedOf(40, { epoch: 1 }), plannedOf(40, { seed: 2 })]) {
      expect(other.flatMap(({ images }) => images)).not.toEqual(
        plannedOf(40).flatMap(({ images }) => images),
      );
      expect(other.flatMap(({ flips }) => flips)).not.toEqual(plannedOf(40).flatMap(({ flips }) => flips));
    }
  });

  it('keeps the order without shuffling, and still draws flips anew each epoch', () => {
    const [first, second] = [0, 1].map((epoch) => plannedOf(40, { shuffle: false, epoch }));
    expect(first?.flatMap(({ images }) => images)).toEqual(imagesOf(40));
    expect(first?.flatMap(({ flips }) => flips)).not.toEqual(second?.flatMap(({ flips }) => flips));
  });

  it('mirrors about as many of the images as asked, or none', () => {
    const mirrored = (probability: number) =>
      plannedOf(4000, { augmentation: { ...DEFAULT_AUGMENTATION, flip: { probability } } })
        .flatMap(({ flips }) => flips)
        .filter(Boolean);
    expect(Math.abs(mirrored(0.5).length - 2000)).toBeLessThan(150);
    expect(Math.abs(mirrored(0.1).length - 400)).toBeLessThan(80);
    expect(mirrored(1)).toHaveLength(4000);
    expect(mirrored(0)).toEqual([]);
  });
});

describe('augmentation', () => {
  const grey = { ...DEFAULT_AUGMENTATION, grey: { probability: 0.5 } };
  const seedOf = (options: Partial<PlanOptions>, name: string) => {
    for (const { images, augmentation } of plannedOf(40, { augmentation: grey, ...options })) {
      const index = images.findIndex(({ relativePath }) => relativePath === name);
      if (index >= 0) return augmentation?.seeds[index];
    }
    throw new Error(`expected ${name} in the plan`);
  };

  it('gives an image a seed by seed and epoch, whatever its batch', () => {
    expect(seedOf({ batchSize: 7 }, 'c/5')).toBe(seedOf({}, 'c/5'));
    expect(seedOf({ shuffle: false }, 'c/5')).toBe(seedOf({}, 'c/5'));
    const seeds = [{}, { epoch: 1 }, { seed: 2 }].map((options) => seedOf(options, 'c/5'));
    expect(new Set([...seeds, seedOf({}, 'c/6')]).size).toBe(4);
  });

  it('leaves order and mirroring as they are, and is left out when it would change nothing', () => {
    const strip = (plan: ReturnType<typeof plannedOf>) =>
      plan.map(({ images, flips }) => ({ images, flips }));
    expect(strip(plannedOf(40, { augmentation: grey }))).toEqual(strip(plannedOf(40)));
    for (const augmentation of [DEFAULT_AUGMENTATION, null])
      expect(plannedOf(40, { augmentation }).every((batch) => batch.augmentation === null)).toBe(true);
  });
});

describe('prefetch', () => {
  it.each([1, 3, 99])('yields the batches in order, decoding %d ahead', async (depth) => {
    const { pool, plan } = await dataset();
    const decode = vi.spyOn(pool, 'decode');
    let yielded = 0;
    const reds: number[] = [];
    const labels: number[] = [];
    for await (const batch of prefetch(pool, plan, depth)) {
      yielded += 1;
      expect(decode).toHaveBeenCalledTimes(Math.min(5, yielded + depth));
      expect(batch.count).toBe(2);
      labels.push(...batch.labels);
      for (let i = 0; i < 2; i += 1) reds.push(Math.round((batch.pixels[i * 48] ?? 0) * 127.5 + 127.5));
    }
    expect(reds).toEqual([0, 20, 40, 60, 80, 100, 120, 140, 160, 180]);
    expect(labels).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  });

  it('goes through an epoch in the memory of its first batches', async () => {
    const { pool, plan } = await dataset();
    const buffers = new Set<ArrayBufferLike>();
    for (let epoch = 0; epoch < 3; epoch += 1)
      for await (const batch of prefetch(pool, plan, 1)) buffers.add(batch.pixels.buffer);
    // One that is decoded into and one that is used.
    expect(buffers.size).toBe(2);
  });

  it('asks for no more batches once the loop is left', async () => {
    const { pool, plan } = await dataset();
    const decode = vi.spyOn(pool, 'decode');
    for await (const batch of prefetch(pool, plan, 2)) {
      expect(batch.count).toBe(2);
      break;
    }
    const stop = (async () => {
      for await (const _ of prefetch(pool, plan, 2)) throw new Error('consumer');
    })();
    await expect(stop).rejects.toThrow('consumer');
    // What was asked for ahead is rejected here; an unhandled rejection would fail the run.
    await pool.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(decode).toHaveBeenCalledTimes(6);
  });

  it('names a file that changed since it was inspected, when its batch is due', async () => {
    const { images, pool, plan } = await dataset();
    await writeFile(images[3]?.path ?? '', 'changed');
    await rm(images[8]?.path ?? '');
    const batches = prefetch(pool, plan, 3);
    expect((await batches.next()).value?.count).toBe(2);
    const failure = batches.next();
    await expect(failure).rejects.toMatchObject({
      code: 'image_unreadable',
      fault: 'data',
      retryable: false,
    });
    await expect(failure).rejects.toThrow(
      /^Expected a\/3\.png to be as readable as when the job began; found: /,
    );
    expect((await batches.next()).done).toBe(true);
  });

  it('passes on the loss of the pool', async () => {
    const { pool, plan } = await dataset();
    const batches = prefetch(pool, plan, 2);
    await batches.next();
    await pool.close();
    await expect(
      (async () => {
        while (!(await batches.next()).done);
      })(),
    ).rejects.toMatchObject({ code: 'decoder_lost' });
  });
});
