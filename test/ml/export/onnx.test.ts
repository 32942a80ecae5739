import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../../src/ml/export/fold-batch-norm.js';
import type { GraphNode, NetworkGraph } from '../../../src/ml/export/network-graph.js';
import { exportOnnx, type OnnxForm } from '../../../src/ml/export/onnx/export-onnx.js';
import { toPlanes } from '../../../src/ml/export/onnx/onnx-parity.js';
import { toOnnx } from '../../../src/ml/export/onnx/to-onnx.js';
import { preprocessingOf } from '../../../src/ml/export/preprocessing.js';
import { readNetworkGraph, toNetworkGraph } from '../../../src/ml/export/read-network-graph.js';
import { pixels, writeFreshModel } from './fresh-model.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-onnx-'));
});
afterEach(() => rm(dir, { recursive: true }));

const isBatchNorm = ({ op }: GraphNode) => op === 'batchNorm';

/** [n, c, h, w] of both images → embeddings [n, size] in onnxruntime */
async function embed(model: Uint8Array, planes: Float32Array, count: number): Promise<Float32Array> {
  const session = await InferenceSession.create(model);
  const { embeddings } = await session.run({ images: new Tensor('float32', planes, [count, 3, 112, 112]) });
  await session.release();
  return embeddings?.data as Float32Array;
}

describe.each([
  ['mobilefacenet', 0],
  ['mbf', 0],
  // The first of each block's three, before a padded convolution, and the one before the flattening.
  ['iresnet18', 9],
] as const)('%s', (name, normsLeft) => {
  it('gives the same embeddings in onnxruntime, whole, folded, and from bytes', async () => {
    const embeddings = await writeFreshModel(dir, name);
    const bytes = pixels().map((value) => Math.round(value * 127.5 + 127.5));
    const batches = [{ pixels: pixels(), count: 2, embeddings }];
    const [onnx] = await exportOnnx(dir, ['onnx'], { batches, preprocessing: preprocessingOf(112) });
    expect(onnx).toMatchObject({ form: 'onnx', file: 'model.onnx', images: 2 });
    expect(onnx?.runtime).toMatch(/^onnxruntime 1\./);
    expect(onnx?.lowestCosine).toBeGreaterThan(0.999999);

    const planes = toPlanes(pixels(), 2);
    const folded = await embed(await readFile(join(dir, 'model.onnx')), planes, 2);
    const whole = await embed(toOnnx(await readNetworkGraph(dir)), planes, 2);
    const scale = Math.max(...embeddings.map(Math.abs));
    embeddings.forEach((value, i) => {
      expect(Math.abs((folded[i] ?? Number.NaN) - value)).toBeLessThan(1e-4 * scale);
      expect(Math.abs((whole[i] ?? Number.NaN) - value)).toBeLessThan(1e-4 * scale);
    });

    // Rounded to bytes the images are others, so the network is asked about those.
    const single = planes.subarray(0, planes.length / 2);
    const alone = await embed(await readFile(join(dir, 'model.onnx')), single.slice(), 1);
    alone.forEach((value, i) => {
      expect(Math.abs(value - (folded[i] ?? Number.NaN))).toBeLessThan(1e-4 * scale);
    });
    const rounded = Float32Array.from(bytes, (value) => (value - 127.5) / 127.5);
    const reference = await embed(toOnnx(await readNetworkGraph(dir)), toPlanes(rounded, 2), 2);
    const roundedBatch = [{ pixels: rounded, count: 2, embeddings: reference }];
    const options = { batches: roundedBatch, preprocessing: preprocessingOf(112) };
    const [fromBytes] = await exportOnnx(dir, ['onnxWithPreprocessing'], options);
    expect(fromBytes?.lowestCosine).toBeGreaterThan(0.999999);
  });

  it('loses each batch norm that follows a convolution or a linear layer', async () => {
    await writeFreshModel(dir, name);
    const graph = await readNetworkGraph(dir);
    expect(graph).toMatchObject({ imageSize: 112, embeddingSize: 8, input: 'images' });
    expect(graph.nodes.filter(isBatchNorm).length).toBeGreaterThan(20);
    const folded = foldBatchNorm(graph);
    expect(folded.nodes.filter(isBatchNorm)).toHaveLength(normsLeft);
    expect(graph.nodes.filter(isBatchNorm).length).toBe(normsLeft + graph.nodes.length - folded.nodes.length);
  });
});

it.each<OnnxForm>(['onnx', 'onnxWithPreprocessing'])(
  'publishes no %s that embeds otherwise',
  async (form) => {
    const embeddings = await writeFreshModel(dir, 'mobilefacenet');
    embeddings[3] = -(embeddings[3] as number) - 1;
    const batches = [{ pixels: pixels(), count: 2, embeddings }];
    const options = { batches, preprocessing: preprocessingOf(112) };
    await expect(exportOnnx(dir, [form], options)).rejects.toMatchObject({ code: 'export_mismatch' });
    const nan = [{ ...batches[0], pixels: pixels(), count: 2, embeddings: embeddings.map(() => Number.NaN) }];
    await expect(exportOnnx(dir, [form], { ...options, batches: nan })).rejects.toThrow(/found NaN/);
    expect((await readdir(dir)).filter((file) => file.endsWith('.onnx'))).toEqual([]);
  },
);

describe('folding', () => {
  const ones = (size: number) => new Float32Array(size).fill(1);
  const norm = (name: string, input: string): GraphNode => ({
    op: 'batchNorm',
    name,
    inputs: [input],
    gamma: Float32Array.of(2),
    beta: Float32Array.of(5),
    mean: Float32Array.of(3),
    variance: Float32Array.of(3),
    epsilon: 1,
  });
  const dense: GraphNode = {
    op: 'dense',
    name: 'fc',
    inputs: ['x'],
    kernel: { shape: [1, 1], data: Float32Array.of(7) },
    bias: Float32Array.of(1),
  };
  const graph = (nodes: GraphNode[], output: string): NetworkGraph => {
    return { input: 'x', imageSize: 1, output, embeddingSize: 1, nodes };
  };

  it('gives the weights worked out by hand: 2/√(3 + 1)·7 and 2/√(3 + 1)·(1 − 3) + 5', () => {
    const { nodes, output } = foldBatchNorm(graph([dense, norm('bn', 'fc')], 'bn'));
    expect(output).toBe('fc');
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({ kernel: { data: Float32Array.of(7) }, bias: Float32Array.of(3) });
  });

  it('goes through two batch norms in a row', () => {
    const { nodes } = foldBatchNorm(graph([dense, norm('a', 'fc'), norm('b', 'a')], 'b'));
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({ bias: Float32Array.of(5) });
  });

  it('leaves alone what another operation reads too', () => {
    const sum: GraphNode = { op: 'add', name: 'sum', inputs: ['fc', 'bn'] };
    expect(foldBatchNorm(graph([dense, norm('bn', 'fc'), sum], 'sum')).nodes).toHaveLength(3);
    const prelu: GraphNode = { op: 'prelu', name: 'prelu', inputs: ['x'], alpha: ones(1) };
    expect(foldBatchNorm(graph([prelu, norm('bn', 'prelu')], 'bn')).nodes).toHaveLength(2);
  });
});

describe('a model that is no network of ours is refused by name', () => {
  const layer = (class_name: string, config: object = {}) => {
    return { name: 'odd', class_name, config: config as Record<string, unknown>, inbound_nodes: [] };
  };
  const model = (layers: ReturnType<typeof layer>[]) => ({
    modelTopology: { config: { layers } },
    weightsManifest: [],
  });

  it.each([
    [[layer('LSTM')], /found LSTM \(odd\)/],
    [
      [
        layer('ZeroPadding2D', {
          padding: [
            [0, 1],
            [0, 1],
          ],
        }),
      ],
      /same padding on all sides of odd; found 0,1,0,1/,
    ],
    [[layer('Conv2D', { padding: 'same' })], /explicit padding; found it in odd/],
    [[layer('Dense', {})], /expected the weight odd\/kernel; found none/],
    [[], /expected layers; found none/],
  ])('%j', (layers, message) => {
    expect(() => toNetworkGraph(model(layers), new Uint8Array(0))).toThrow(message);
  });

  it('truncated weights', async () => {
    await writeFreshModel(dir, 'mobilefacenet');
    await truncate(join(dir, 'weights.bin'), 1000);
    await expect(readNetworkGraph(dir)).rejects.toThrow(/expected .* in weights.bin; found its end/);
  });
});
