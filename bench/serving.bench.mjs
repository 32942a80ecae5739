// Embeddings a second through POST /models/:id/embed over those of the embedder called directly on decoded pixels, and a
// search among 100,000 embeddings over numpy's matrix product with BLAS.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { startApi } from '../dist/api/start-api.js';
import { openStaging, publishArtifacts } from '../dist/artifacts/publish.js';
import { startEmbeddedRedis } from '../dist/embedded-redis.js';
import { GalleryIndex } from '../dist/inference/gallery-index.js';
import { buildBackbone } from '../dist/ml/backbones/backbone.js';
import { createRandom } from '../dist/ml/data/random.js';
import { Embedder } from '../dist/ml/embedder/embedder.js';
import { preprocessingOf } from '../dist/ml/export/preprocessing.js';
import { writeBackbone } from '../dist/ml/export/write-model.js';
import { peerPython } from './peers.mjs';
import { writePhotoLikeImages } from './photo-like-images.mjs';
import { printMachine } from './train-step-sides.mjs';

const BATCHES = [1, 32];
const ROUNDS = 3;
const SECONDS = 3;
const MODEL = '0190a000-0000-7000-8000-000000000001';
const GALLERY = 100_000;
const SIZE = 512;
const QUERIES = 20;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Images a second of a function that embeds `batch` of them. */
async function speedOf(batch, embed) {
  await embed();
  const start = performance.now();
  let images = 0;
  while (performance.now() - start < SECONDS * 1000) {
    await embed();
    images += batch;
  }
  return (1000 * images) / (performance.now() - start);
}

async function measureEmbedding(dir) {
  const artifactsDir = join(dir, 'artifacts');
  const attempt = { jobId: MODEL, attempt: 1 };
  const staging = await openStaging(artifactsDir, attempt);
  await writeBackbone(staging, buildBackbone('mobilefacenet', { embeddingSize: SIZE }, createRandom(1)));
  writeFileSync(join(staging, 'preprocessing.json'), JSON.stringify(preprocessingOf(112)));
  await publishArtifacts(artifactsDir, { ...attempt, kind: 'train', result: {}, provenance: {} });
  const photographs = join(dir, 'photographs');
  await writePhotoLikeImages(photographs, { classes: 1, count: 1 });
  const [photograph] = readdirSync(photographs, { recursive: true }).filter((name) => name.endsWith('.jpg'));
  const jpeg = readFileSync(join(photographs, photograph));
  const embedder = await Embedder.open(join(artifactsDir, MODEL));
  const redis = await startEmbeddedRedis(join(dir, 'redis'));
  const datasetRoot = join(dir, 'datasets');
  mkdirSync(datasetRoot);
  const api = await startApi({
    redisUrl: redis.url,
    datasetRoot,
    artifactsDir,
    host: '127.0.0.1',
    port: 0,
    logger: pino({ enabled: false }),
    rateLimitPerMinute: 0,
    rateLimitPerAddress: 0,
  });
  const ratios = [];
  try {
    for (const batch of BATCHES) {
      const pixels = new Float32Array(batch * 112 * 112 * 3).fill(0.1);
      const throughHttp = async () => {
        const body = new FormData();
        for (let i = 0; i < batch; i += 1) body.append('images', new Blob([jpeg]), `${i}.jpg`);
        const response = await fetch(`${api.url}/models/${MODEL}/embed`, { method: 'POST', body });
        if (!response.ok) throw new Error(await response.text());
        await response.json();
      };
      const speeds = { direct: [], http: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        speeds.direct.push(await speedOf(batch, async () => embedder.embed(pixels, batch)));
        speeds.http.push(await speedOf(batch, throughHttp));
      }
      const [http, direct] = [median(speeds.http), median(speeds.direct)];
      console.log(`batch ${batch}: ${http.toFixed(1)} images/s through HTTP, ${direct.toFixed(1)} directly`);
      ratios.push(`ratio serving-mobilefacenet-batch${batch} ${(http / direct).toFixed(2)} goal >=0.8`);
    }
  } finally {
    await api.close();
    await redis.stop();
  }
  return ratios;
}

function unitRows(count) {
  const random = createRandom(2);
  const values = new Float32Array(count * SIZE);
  for (let i = 0; i < values.length; i += 1) values[i] = random.normal() / Math.sqrt(SIZE);
  return values;
}

async function measureSearch() {
  const values = unitRows(GALLERY);
  const faces = Array.from({ length: GALLERY }, (_, i) => {
    return { file: String(i), identity: String(i), embeddings: values.subarray(i * SIZE, (i + 1) * SIZE) };
  });
  const gallery = new GalleryIndex(faces, SIZE);
  const python = await peerPython(['numpy']);
  const peer = fileURLToPath(new URL('search_numpy.py', import.meta.url));
  const times = { ours: [], numpy: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let query = 0; query < QUERIES; query += 1) {
      const start = performance.now();
      gallery.search(values.subarray(query * SIZE, (query + 1) * SIZE), 5);
      times.ours.push(performance.now() - start);
    }
    const run = spawnSync(python, [peer, GALLERY, SIZE, QUERIES].map(String), { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
    times.numpy.push(Number(run.stdout));
  }
  const [ours, numpy] = [median(times.ours), median(times.numpy)];
  console.log(
    `${GALLERY} embeddings of ${SIZE}: ${ours.toFixed(1)} ms a query, numpy ${numpy.toFixed(1)} ms`,
  );
  return `ratio serving-search-100000 ${(numpy / ours).toFixed(2)} goal >=1.0`;
}

printMachine();
const dir = mkdtempSync(join(tmpdir(), 'arcqueue-bench-'));
try {
  const ratios = await measureEmbedding(dir);
  console.log([...ratios, await measureSearch()].join('\n'));
} finally {
  rmSync(dir, { recursive: true });
}
