// One side of input-pipeline: images per second of our decoding alone, as JSON. The first epoch, which is not counted, starts the threads.
import { DEFAULT_AUGMENTATION } from '../dist/ml/data/augmentation/augmentation-settings.js';
import { planEpoch, prefetch } from '../dist/ml/data/batches.js';
import { DecodePool } from '../dist/ml/data/decode-pool.js';
import { inspectImages } from '../dist/ml/data/inspect-images.js';
import { openDataset } from '../dist/ml/data/readers/open-dataset.js';

const [folder, batchSize, threads, cacheDir] = process.argv.slice(2);
const cache = cacheDir === undefined ? null : { dir: cacheDir, maxBytes: 2 ** 40 };
const pool = await DecodePool.open({ threads: Number(threads), imageSize: 112, cache });
let { images } = await openDataset(folder, {});
if (cache !== null) {
  const { cache: kept } = await inspectImages(images, pool, {});
  images = images.map((image, row) => ({ ...image, cached: { cache: kept, row } }));
}
let imagesPerSecond = 0;
for (const epoch of [0, 1]) {
  const plan = planEpoch(images, {
    batchSize: Number(batchSize),
    shuffle: true,
    augmentation: DEFAULT_AUGMENTATION,
    seed: 1,
    epoch,
    dropSingle: false,
  });
  const start = performance.now();
  let count = 0;
  for await (const batch of prefetch(pool, plan, 3)) count += batch.count;
  imagesPerSecond = count / ((performance.now() - start) / 1000);
}
await pool.close();
console.log(JSON.stringify({ imagesPerSecond }));
