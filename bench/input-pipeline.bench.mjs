// How long a training waits for its images, and how fast they are decoded beside torchvision's DataLoader.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { peerPython } from './peers.mjs';
import { writePhotoLikeImages } from './photo-like-images.mjs';
import { measure, median, takeTurns } from './turns.mjs';

const BATCH = 32;
const THREADS = 2;
const ROUNDS = 5;
const WAIT_ROUNDS = 2;

const python = await peerPython(['numpy', 'torch', 'torchvision']);
const folder = await mkdtemp(join(os.tmpdir(), 'arcqueue-bench-'));
try {
  console.log(
    `${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.availableParallelism()} cores, Node ${process.version}`,
  );
  const [many, few, cacheDir] = ['many', 'few', 'cache'].map((name) => join(folder, name));
  await writePhotoLikeImages(many, { classes: 8, count: 256 });
  await writePhotoLikeImages(few, { classes: 8, count: 64 });

  const node = process.execPath;
  const decoding = await takeTurns(
    new Map([
      ['arcqueue', () => measure(node, 'input-pipeline-decode.mjs', many, BATCH, THREADS)],
      ['torchvision', () => measure(python, 'input_pipeline_torch.py', many, BATCH, THREADS)],
      ['arcqueue, cached', () => measure(node, 'input-pipeline-decode.mjs', many, BATCH, THREADS, cacheDir)],
    ]),
    ROUNDS,
  );
  console.log(
    `JPEG 112x112 with flip into batches of ${BATCH}, ${THREADS} threads or workers, ${ROUNDS} rounds:`,
  );
  const speeds = new Map();
  for (const [side, runs] of decoding) {
    speeds.set(side, median(runs.map(({ imagesPerSecond }) => imagesPerSecond)));
    console.log(`  ${side.padEnd(20)} ${speeds.get(side).toFixed(0).padStart(6)} images/s`);
  }

  const waiting = await takeTurns(
    new Map([
      ['cold', () => measure(node, 'bare-training.mjs', few, 2)],
      ['warm', () => measure(node, 'bare-training.mjs', few, 2, cacheDir)],
    ]),
    WAIT_ROUNDS,
  );
  console.log(`MobileFaceNet, batch ${BATCH}, one decoding thread, ${WAIT_ROUNDS} rounds of two epochs:`);
  const ratios = [
    `ratio decoding ${(speeds.get('arcqueue') / speeds.get('torchvision')).toFixed(2)} goal >=1.0`,
  ];
  for (const [side, runs] of waiting) {
    const share = Math.max(...runs.map(({ waitShare }) => waitShare));
    const speed = median(runs.map(({ imagesPerSecond }) => imagesPerSecond));
    console.log(
      `  ${side.padEnd(20)} ${(100 * share).toFixed(2).padStart(6)} % waited at most, ${speed.toFixed(1)} images/s`,
    );
    ratios.push(`ratio waiting-${side} ${share.toFixed(4)} goal <=0.02`);
  }
  console.log(ratios.join('\n'));
} finally {
  await rm(folder, { recursive: true, force: true });
}
