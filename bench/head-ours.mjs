// One side of head: prints {milliseconds, stepBytes} of our head's step, loss and SGD update, as JSON.
import { createRandom } from '../dist/ml/data/random.js';
import { loadTensorFlow } from '../dist/ml/engine/load-tensorflow.js';
import { runSingleOp } from '../dist/ml/engine/raw-op.js';
import { assembleHead } from '../dist/ml/heads/build-head.js';
import { Sgd } from '../dist/ml/training/optimizers/sgd.js';

const [classCount, embeddingSize, batch, sampleRate, steps, warmup] = process.argv.slice(2).map(Number);
const { tf } = loadTensorFlow();

function normal(shape) {
  const attributes = {
    T: { dtype: 'int32' },
    dtype: { dtype: 'float32' },
    seed: { int: 1 },
    seed2: { int: 1 },
  };
  return runSingleOp('RandomStandardNormal', attributes, [tf.tensor1d(shape, 'int32')]);
}

const random = createRandom(1);
const embeddings = normal([batch, embeddingSize]);
const batches = Array.from({ length: steps }, () =>
  tf.tensor1d(
    Int32Array.from({ length: batch }, () => random.integer(classCount)),
    'int32',
  ),
);
const before = process.memoryUsage().rss;
const centres = normal([classCount, embeddingSize]);
const head = assembleHead({ loss: 'arcface', scale: 64, sampleRate }, { centres, bias: null }, random);
const optimizer = new Sgd(head.parameters, { momentum: 0.9, weightDecay: 5e-4 });
const times = batches.map((labels) => {
  const start = performance.now();
  head.lossAndGradient(embeddings, labels).embeddingGradient.dispose();
  optimizer.step(0.01);
  return performance.now() - start;
});
const counted = times.slice(warmup).toSorted((a, b) => a - b);
const stepBytes = process.resourceUsage().maxRSS * 1024 - before;
console.log(JSON.stringify({ milliseconds: counted[Math.floor(counted.length / 2)], stepBytes }));
