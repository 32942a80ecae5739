// What a whole job costs beside the bare training loop: the service with its API, Redis, worker and trainer trains on the same images as a
// loop in one process.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../dist/cli/api-client.js';
import { startService } from '../dist/cli/service-process.js';
import { writePhotoLikeImages } from './photo-like-images.mjs';
import { measure, median, takeTurns } from './turns.mjs';

const BATCH = 32;
const EPOCHS = 4;
const ROUNDS = 2;
const seconds = (ms) => ms / 1000;

/** Neither validation nor further exports: the loop has none. */
const request = {
  dataset: 'photos',
  batchSize: BATCH,
  epochs: EPOCHS,
  embeddingSize: 512,
  validationFraction: 0,
  exports: [],
};

async function runJob(client) {
  const startedAt = performance.now();
  const { id } = await client.submitTrain(request);
  const job = await client.waitForJob(id, { pollMs: 200 });
  const wholeSeconds = seconds(performance.now() - startedAt);
  const timeOf = (state) => Date.parse(job.transitions.find((transition) => transition.state === state).at);
  return { trainingSeconds: seconds(timeOf('finalizing') - timeOf('running')), wholeSeconds };
}

function runBare(folder, cacheDir) {
  const startedAt = performance.now();
  const { trainingSeconds } = measure(process.execPath, 'bare-training.mjs', folder, EPOCHS, cacheDir);
  return { trainingSeconds, wholeSeconds: seconds(performance.now() - startedAt) };
}

const folder = await mkdtemp(join(os.tmpdir(), 'arcqueue-bench-'));
const dataDir = join(folder, 'data');
const photos = join(dataDir, 'datasets/photos');
await mkdir(photos, { recursive: true });
await writePhotoLikeImages(photos, { classes: 8, count: 64 });
const stop = new AbortController();
const onLost = (error) => {
  console.error(error.message);
  process.exit(1);
};
const service = await startService({ dataDir, port: '0', signal: stop.signal, onLost });
try {
  const client = new ApiClient(service.url);
  const sides = new Map([
    ['bare loop', () => runBare(photos, join(folder, 'cache'))],
    ['whole job', () => runJob(client)],
  ]);
  const results = await takeTurns(sides, ROUNDS);
  console.log(
    `${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.availableParallelism()} cores, Node ${process.version}`,
  );
  console.log(`MobileFaceNet, batch ${BATCH}, ${EPOCHS} epochs of 512 images, medians of ${ROUNDS} rounds:`);
  const medians = new Map();
  for (const [side, runs] of results) {
    const training = median(runs.map(({ trainingSeconds }) => trainingSeconds));
    const whole = median(runs.map(({ wholeSeconds }) => wholeSeconds));
    medians.set(side, { training, whole });
    console.log(`  ${side}  training ${training.toFixed(1)} s, with start-up and end ${whole.toFixed(1)} s`);
  }
  const [bare, job] = [medians.get('bare loop'), medians.get('whole job')];
  console.log(`with start-up: ${(job.whole / bare.whole - 1).toFixed(3)}`);
  console.log(`ratio job-overhead ${(job.training / bare.training - 1).toFixed(3)} goal <=0.03`);
} finally {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
}
