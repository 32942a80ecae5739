// The bare training loop with MobileFaceNet: a batch is asked for, the event loop gets its turn, the step is computed. Prints, as JSON, the
// share of the time that it waits for data, its speed, and its seconds from the first batch to the end. The first two steps, in
// which TensorFlow sets itself up, count only for the seconds.
//
//   node bare-training.mjs FOLDER EPOCHS [CACHE]
import os from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { buildBackbone } from '../dist/ml/backbones/backbone.js';
import { DEFAULT_AUGMENTATION } from '../dist/ml/data/augmentation/augmentation-settings.js';
import { planEpoch, prefetch } from '../dist/ml/data/batches.js';
import { DecodePool } from '../dist/ml/data/decode-pool.js';
import { createRandom } from '../dist/ml/data/random.js';
import { loadTensorFlow } from '../dist/ml/engine/load-tensorflow.js';
import { buildHead } from '../dist/ml/heads/build-head.js';
import { Sgd } from '../dist/ml/training/optimizers/sgd.js';
import { prepareDataset } from '../dist/ml/training/prepare-dataset.js';
import { trainStep } from '../dist/ml/training/train-step.js';
import { PREFETCH_DEPTH } from '../dist/ml/training/validate.js';

const [folder, epochs, cacheDir] = process.argv.slice(2);
const BATCH = 32;
const UNCOUNTED_STEPS = 2;

const { tf } = loadTensorFlow();
const cache = cacheDir === undefined ? null : { dir: cacheDir, maxBytes: 2 ** 40 };
const pool = await DecodePool.open({ threads: 1, imageSize: 112, cache });
const { images, classNames } = await prepareDataset(folder, pool, {});
const random = createRandom(1);
const backbone = buildBackbone('mobilefacenet', { embeddingSize: 512 }, random);
const shape = { classCount: classNames.length, embeddingSize: 512 };
const head = buildHead({ scale: 32 }, shape, random);
const optimizer = new Sgd([...backbone.parameters, ...head.parameters], { momentum: 0.9, weightDecay: 5e-4 });

// The worker gives its trainer this priority, so other programs on the machine slow both alike.
os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL);
let [step, waitMs, totalMs] = [0, 0, 0];
const startedAt = performance.now();
for (let epoch = 1; epoch <= Number(epochs); epoch += 1) {
  const options = { batchSize: BATCH, shuffle: true, augmentation: DEFAULT_AUGMENTATION, seed: 1, epoch };
  let askedAt = performance.now();
  const plan = planEpoch(images, { ...options, dropSingle: true });
  for await (const batch of prefetch(pool, plan, PREFETCH_DEPTH)) {
    await setImmediate();
    const gotAt = performance.now();
    const labels = tf.tensor1d(batch.labels, 'int32');
    const pixels = tf.tensor4d(batch.pixels, [batch.count, 112, 112, 3]);
    trainStep({ backbone, head, optimizer }, pixels, labels, 0.01);
    labels.dispose();
    const doneAt = performance.now();
    step += 1;
    if (step > UNCOUNTED_STEPS) {
      waitMs += gotAt - askedAt;
      totalMs += doneAt - askedAt;
    }
    askedAt = doneAt;
  }
}
const trainingSeconds = (performance.now() - startedAt) / 1000;
await pool.close();
const imagesPerSecond = (BATCH * (step - UNCOUNTED_STEPS)) / (totalMs / 1000);
console.log(JSON.stringify({ waitShare: waitMs / totalMs, imagesPerSecond, trainingSeconds }));
