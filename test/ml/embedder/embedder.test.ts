import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/ml/data/random.js';
import { Embedder } from '../../../src/ml/embedder/embedder.js';
import { planEmbedder } from '../../../src/ml/embedder/embedder-plan.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import type { GraphNode, NetworkGraph } from '../../../src/ml/export/network-graph.js';
import { readNetworkGraph } from '../../../src/ml/export/read-network-graph.js';
import { pixels, writeFreshModel } from '../export/fresh-model.js';

const { tf } = loadTensorFlow();
const random = createRandom(3);
const draw = (size: number) => Float32Array.from({ length: size }, () => random.normal());

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs), 1e-6);
  const worst = Array.from(expected, (value, i) => Math.abs(value - (found[i] ?? Number.NaN)));
  expect(Math.max(...worst) / scale).toBeLessThan(tolerance);
}

describe.each(['mobilefacenet', 'mbf', 'iresnet18'] as const)('the embedder of %s', (name) => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'arcqueue-embedder-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('gives the embeddings of TensorFlow, for each image the same bits in any company and on any threads', async () => {
    const expected = await writeFreshModel(dir, name);
    const graph = await readNetworkGraph(dir);
    const embedder = new Embedder(graph, { threads: 2 });
    expect(embedder).toMatchObject({ imageSize: 112, embeddingSize: 8 });
    const both = embedder.embed(pixels(), 2);
    expectNear(both, expected);

    const single = pixels().subarray(0, 112 * 112 * 3);
    expect(embedder.embed(single, 1)).toEqual(both.subarray(0, 8));
    const five = new Float32Array(5 * single.length);
    for (let image = 0; image < 5; image += 1) five.set(single, image * single.length);
    const alone = new Embedder(graph, { threads: 1 });
    const crowd = new Embedder(graph, { threads: 3 });
    for (const other of [alone, crowd]) {
      const found = other.embed(five, 5);
      for (let image = 0; image < 5; image += 1) {
        expect(found.subarray(8 * image, 8 * (image + 1))).toEqual(both.subarray(0, 8));
      }
    }
  });
});

describe('a convolution of the embedder is that of TensorFlow', () => {
  const conv = (
    channels: [input: number, output: number],
    [size, stride, padding, groups]: [number, number, number, number],
    side: number,
  ) => {
    const [input, output] = channels;
    const kernel = {
      shape: [size, size, input / groups, output],
      data: draw((size * size * input * output) / groups),
    };
    const first: GraphNode = {
      op: 'conv',
      name: 'first',
      inputs: ['x'],
      kernel: { shape: [1, 1, 3, input], data: draw(3 * input) },
      bias: null,
      stride: 1,
      padding: 0,
      groups: 1,
    };
    const second: GraphNode = {
      op: 'conv',
      name: 'second',
      inputs: ['first'],
      kernel,
      bias: draw(output),
      stride,
      padding,
      groups,
    };
    const slope: GraphNode = { op: 'prelu', name: 'prelu', inputs: ['second'], alpha: draw(output) };
    const outSide = Math.floor((side + 2 * padding - size) / stride) + 1;
    const graph: NetworkGraph = {
      input: 'x',
      imageSize: side,
      output: 'prelu',
      embeddingSize: outSide * outSide * output,
      nodes: [first, second, slope],
    };
    return { graph, first, second, slope };
  };

  it.each([
    ['1×1', [20, 33], [1, 1, 0, 1], 7],
    ['1×1 with stride', [16, 40], [1, 2, 0, 1], 9],
    ['3×3, few channels', [5, 7], [3, 1, 1, 1], 11],
    ['3×3 by Winograd', [16, 19], [3, 1, 1, 1], 13],
    ['3×3 with stride', [16, 24], [3, 2, 1, 1], 10],
    ['3×3 without padding', [16, 8], [3, 1, 0, 1], 6],
    ['3×3 depthwise', [48, 48], [3, 1, 1, 48], 7],
    ['3×3 depthwise, odd channels', [37, 37], [3, 1, 1, 37], 5],
    ['3×3 depthwise with stride', [32, 32], [3, 2, 1, 32], 12],
    ['7×7 depthwise', [32, 32], [7, 1, 0, 32], 7],
    ['3×3 depthwise on one pixel', [16, 16], [3, 1, 1, 16], 1],
    ['pairs', [34, 34], [3, 1, 1, 17], 6],
    ['pairs with stride', [32, 32], [3, 2, 1, 16], 8],
  ] as const)('%s', (_name, channels, shape, side) => {
    const { graph, first, second, slope } = conv([...channels], [...shape], side);
    if (first.op !== 'conv' || second.op !== 'conv' || slope.op !== 'prelu') throw new Error('unexpected');
    const images = draw(3 * side * side * 3);
    const expected = tf.tidy(() => {
      const x = tf.tensor4d(images, [3, side, side, 3]);
      const k1 = tf.tensor4d(first.kernel.data, [...first.kernel.shape] as [number, number, number, number]);
      const mid = tf.conv2d(x, k1, 1, 'valid');
      const { padding, stride, groups } = second;
      const padded = tf.pad(mid, [
        [0, 0],
        [padding, padding],
        [padding, padding],
        [0, 0],
      ]) as Tensor4D;
      // A group at a time: TensorFlow has no grouped convolution on a CPU.
      const kernel = tf.tensor4d(second.kernel.data, [...second.kernel.shape] as [
        number,
        number,
        number,
        number,
      ]);
      const inputs = tf.split(padded, groups, 3) as Tensor4D[];
      const kernels = tf.split(kernel, groups, 3) as Tensor4D[];
      const parts = inputs.map((part, g) => tf.conv2d(part, kernels[g] as Tensor4D, stride, 'valid'));
      const y = tf.add(tf.concat(parts, 3), second.bias ?? 0);
      return tf.where(tf.greater(y, 0), y, tf.mul(y, tf.tensor1d(slope.alpha))).dataSync();
    });
    for (const threads of [1, 2]) expectNear(new Embedder(graph, { threads }).embed(images, 3), expected);
  });
});

describe('a plan', () => {
  const values = (shape: number[]) => ({ shape, data: draw(shape.reduce((a, b) => a * b)) });
  const pointwise = (name: string, input: string): GraphNode => {
    const kernel = values([1, 1, 3, 3]);
    return { op: 'conv', name, inputs: [input], kernel, bias: null, stride: 1, padding: 0, groups: 1 };
  };
  const graph = (nodes: GraphNode[], output: string): NetworkGraph => {
    return { input: 'x', imageSize: 2, output, embeddingSize: 12, nodes };
  };
  const ops = (nodes: GraphNode[], output: string) => planEmbedder(graph(nodes, output)).map(({ op }) => op);
  const sum = (name: string, ...inputs: string[]): GraphNode => ({ op: 'add', name, inputs });
  const prelu = (name: string, input: string): GraphNode => {
    return { op: 'prelu', name, inputs: [input], alpha: Float32Array.of(0.1, 0.2, 0.3) };
  };

  it('does a sum and a PReLU within the convolution before them', () => {
    const nodes = [pointwise('a', 'x'), sum('s', 'x', 'a'), prelu('p', 's')];
    expect(ops(nodes, 'p')).toEqual(['conv']);
    expect(planEmbedder(graph(nodes, 'p'))[0]).toMatchObject({ input: 0, second: 0 });
  });

  it('keeps apart what another step reads too', () => {
    expect(ops([pointwise('a', 'x'), prelu('p', 'a'), sum('s', 'a', 'p')], 's')).toEqual([
      'conv',
      'prelu',
      'add',
    ]);
  });

  it('gives the values worked out by hand for a sum after a PReLU', () => {
    const identity = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
    const a = { ...pointwise('a', 'x'), kernel: { shape: [1, 1, 3, 3], data: identity } } as GraphNode;
    const nodes = [a, prelu('p', 'a'), sum('s', 'x', 'p')];
    const embedder = new Embedder(graph(nodes, 's'), { threads: 1 });
    const images = Float32Array.of(1, -1, -10, 2, -2, -20, 3, -3, -30, 4, -4, -40);
    // x + (x where x > 0, else the channel's slope times x)
    expectNear(embedder.embed(images, 1), [2, -1.2, -13, 4, -2.4, -26, 6, -3.6, -39, 8, -4.8, -52], 1e-6);
  });

  it('refuses a step that it cannot run, and images that are too few, each with what was found', () => {
    const grouped = { ...pointwise('a', 'x'), kernel: values([1, 1, 1, 6]), groups: 3 } as GraphNode;
    expect(() => new Embedder(graph([grouped], 'a'))).toThrow(
      /groups of one or two channels; found 3 groups/,
    );
    const short = { ...pointwise('a', 'x'), kernel: { shape: [1, 1, 3, 3], data: draw(8) } } as GraphNode;
    expect(() => new Embedder(graph([short], 'a'))).toThrow(/expected kernel of 9 floats; found 8/);
    const large = { ...pointwise('a', 'x'), kernel: values([5, 5, 3, 3]) } as GraphNode;
    expect(() => new Embedder(graph([large], 'a'))).toThrow(/a convolution that fits its input/);
    const embedder = new Embedder(graph([pointwise('a', 'x')], 'a'));
    expect(() => embedder.embed(draw(11), 1)).toThrow(/images of 12 floats; found 11/);
    expect(embedder.embed(draw(0), 0)).toHaveLength(0);
  });

  it('shows a NaN in the embedding of its image, and in no other', () => {
    const embedder = new Embedder(graph([pointwise('a', 'x'), prelu('p', 'a')], 'p'), { threads: 2 });
    const images = draw(36);
    images[13] = Number.NaN;
    const found = embedder.embed(images, 3);
    expect(Array.from(found.subarray(12, 24)).some(Number.isNaN)).toBe(true);
    expect(
      Array.from(found.subarray(0, 12))
        .concat(Array.from(found.subarray(24)))
        .some(Number.isNaN),
    ).toBe(false);
  });
});
