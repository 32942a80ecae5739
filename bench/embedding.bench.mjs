// Embeddings a second of our embedder over those of the faster of onnxruntime and OpenVINO, float32, on the exported
// network, called directly: one image, and batches of 32.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildBackbone } from '../dist/ml/backbones/backbone.js';
import { createRandom } from '../dist/ml/data/random.js';
import { foldBatchNorm } from '../dist/ml/export/fold-batch-norm.js';
import { toOnnx } from '../dist/ml/export/onnx/to-onnx.js';
import { readNetworkGraph } from '../dist/ml/export/read-network-graph.js';
import { writeBackbone } from '../dist/ml/export/write-model.js';
import { peerPython } from './peers.mjs';
import { printMachine } from './train-step-sides.mjs';

const BACKBONES = ['mobilefacenet', 'iresnet18', 'iresnet50'];
const BATCHES = [1, 32];
const PEERS = ['onnxruntime', 'openvino'];
const ROUNDS = 3;
const SECONDS = 3;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** One measurement, a process of its own that prints images per second. */
function measure(command, args) {
  const run = spawnSync(command, args.map(String), { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${run.stderr}`);
  return Number(run.stdout.trim().split('\n').at(-1));
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

printMachine();
const python = await peerPython(['numpy', ...PEERS]);
const dir = mkdtempSync(join(tmpdir(), 'arcqueue-bench-'));
const ratios = [];
try {
  for (const name of BACKBONES) {
    await writeBackbone(dir, buildBackbone(name, { embeddingSize: 512 }, createRandom(1)));
    const onnx = join(dir, 'network.onnx');
    writeFileSync(onnx, toOnnx(foldBatchNorm(await readNetworkGraph(dir))));
    for (const batch of BATCHES) {
      const sides = new Map([
        ['arcqueue', () => measure(process.execPath, [here('embedding-ours.mjs'), dir, batch, SECONDS])],
        ...PEERS.map((peer) => [
          peer,
          () => measure(python, [here('embedding_peer.py'), peer, onnx, batch, SECONDS]),
        ]),
      ]);
      const speeds = new Map([...sides.keys()].map((side) => [side, []]));
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [side, run] of sides) speeds.get(side).push(run());
      }
      console.log(`${name}, batch ${batch}, ${ROUNDS} rounds of ${SECONDS} s:`);
      for (const [side, values] of speeds) {
        console.log(`  ${side.padEnd(12)} ${median(values).toFixed(1).padStart(7)} images/s`);
      }
      const fastest = Math.max(...PEERS.map((peer) => median(speeds.get(peer))));
      ratios.push(
        `ratio embedding-${name}-batch${batch} ${(median(speeds.get('arcqueue')) / fastest).toFixed(2)} goal >=1.0`,
      );
    }
  }
} finally {
  rmSync(dir, { recursive: true });
}
console.log(ratios.join('\n'));
