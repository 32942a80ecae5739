// Images per second of our embedder: embedding-ours.mjs MODEL_DIR BATCH SECONDS
import { Embedder } from '../dist/ml/embedder/embedder.js';

const [dir, batchText, secondsText] = process.argv.slice(2);
const batch = Number(batchText);
const embedder = await Embedder.open(dir);
const size = embedder.imageSize;
const images = Float32Array.from({ length: batch * size * size * 3 }, () => 2 * Math.random() - 1);
for (let i = 0; i < 3; i += 1) embedder.embed(images, batch);
const times = [];
const until = performance.now() + 1000 * Number(secondsText);
while (performance.now() < until || times.length < 3) {
  const start = performance.now();
  embedder.embed(images, batch);
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log((1000 * batch) / times[Math.floor(times.length / 2)]);
