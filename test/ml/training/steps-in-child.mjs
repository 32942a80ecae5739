// node steps-in-child.mjs <URL of the compiled src/ml, with / at its end> <architecture>
// Trains a small network for a few steps and prints, as JSON, what steps-in-child.ts describes.

import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';

const [ml, architecture] = process.argv.slice(-2);
const { loadTensorFlow } = await import(`${ml}engine/load-tensorflow.js`);
const { buildBackbone } = await import(`${ml}backbones/backbone.js`);
const { createRandom } = await import(`${ml}data/random.js`);
const { buildHead } = await import(`${ml}heads/build-head.js`);
const { Sgd } = await import(`${ml}training/optimizers/sgd.js`);
const { trainStep } = await import(`${ml}training/train-step.js`);

const STEPS = 3;
const IMAGES = 6;
const IMAGE_SIZE = 48;
const CLASS_COUNT = 1500;
const EMBEDDING_SIZE = 32;

const { tf, hasKernels } = loadTensorFlow();
const random = createRandom(7);
const backbone = buildBackbone(
  architecture,
  { embeddingSize: EMBEDDING_SIZE, imageSize: IMAGE_SIZE },
  random,
);
const head = buildHead(
  { margin: 0.5, scale: 16 },
  { classCount: CLASS_COUNT, embeddingSize: EMBEDDING_SIZE },
  random,
);
const parameters = [...backbone.parameters, ...head.parameters];
const optimizer = new Sgd(parameters, { momentum: 0.9, weightDecay: 5e-4 });
const labels = tf.tensor1d(
  Array.from({ length: IMAGES }, (_, i) => (i * 617) % CLASS_COUNT),
  'int32',
);
const losses = [];
for (let step = 0; step < STEPS; step += 1) {
  const pixels = Float32Array.from(
    { length: IMAGES * IMAGE_SIZE * IMAGE_SIZE * 3 },
    () => 2 * random.next() - 1,
  );
  const images = tf.tensor4d(pixels, [IMAGES, IMAGE_SIZE, IMAGE_SIZE, 3]);
  losses.push(trainStep({ backbone, head, optimizer }, images, labels, 0.05).loss);
}
const hash = createHash('sha256');
for (const { value } of [...parameters, ...backbone.buffers])
  hash.update(Buffer.from(value.dataSync().slice().buffer));
const threads = readdirSync('/proc/self/task').length;
process.stdout.write(JSON.stringify({ hasKernels, threads, losses, weights: hash.digest('hex') }));
