// One side of train-step: prints {imagesPerSecond, peakBytes} of our step as JSON.
import { buildBackbone } from '../dist/ml/backbones/backbone.js';
import { createRandom } from '../dist/ml/data/random.js';
import { loadTensorFlow } from '../dist/ml/engine/load-tensorflow.js';
import { buildHead } from '../dist/ml/heads/build-head.js';
import { Sgd } from '../dist/ml/training/optimizers/sgd.js';
import { trainStep } from '../dist/ml/training/train-step.js';

const [name, batch, steps, warmup] = process.argv.slice(2).map((arg, i) => (i === 0 ? arg : Number(arg)));
const CLASS_COUNT = 100;
const EMBEDDING_SIZE = 512;

const { tf } = loadTensorFlow();
const random = createRandom(1);
const backbone = buildBackbone(name, { embeddingSize: EMBEDDING_SIZE }, random);
const shape = { classCount: CLASS_COUNT, embeddingSize: EMBEDDING_SIZE };
const head = buildHead({ scale: 32 }, shape, random);
const optimizer = new Sgd([...backbone.parameters, ...head.parameters], { momentum: 0.9, weightDecay: 5e-4 });
const labels = tf.tensor1d(
  Int32Array.from({ length: batch }, (_, i) => i % CLASS_COUNT),
  'int32',
);
const pixels = Float32Array.from({ length: batch * 112 * 112 * 3 }, () => 2 * random.next() - 1);

let start = 0;
for (let step = 0; step < steps; step += 1) {
  if (step === warmup) start = performance.now();
  trainStep({ backbone, head, optimizer }, tf.tensor4d(pixels, [batch, 112, 112, 3]), labels, 0.01);
}
const seconds = (performance.now() - start) / 1000;
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ imagesPerSecond: ((steps - warmup) * batch) / seconds, peakBytes }));
