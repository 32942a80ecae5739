import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MlError } from '../ml-error.js';
import { MODEL_FILES, type WeightsGroup } from './model-files.js';
import type { GraphNode, NetworkGraph, Values } from './network-graph.js';

/** The part of a tfjs layers model's JSON that a graph is read from. */
type LayerJson = {
  readonly name: string;
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inbound_nodes: readonly (readonly (readonly [string, number, number, object])[])[];
};
type ModelJson = {
  readonly modelTopology: { readonly config: { readonly layers: readonly LayerJson[] } };
  readonly weightsManifest: readonly WeightsGroup[];
};

/**
 * Reads a published model's backbone as a graph of operations.
 * @throws MlError `model_unreadable` when a file is missing or damaged, or a layer is of a kind that no backbone has
 */
export async function readNetworkGraph(dir: string): Promise<NetworkGraph> {
  const model = JSON.parse(await readFile(join(dir, MODEL_FILES.topology), 'utf8')) as ModelJson;
  const bytes = await readFile(join(dir, MODEL_FILES.weights));
  return toNetworkGraph(model, bytes);
}

/** As `readNetworkGraph`, from the files' contents. */
export function toNetworkGraph(model: ModelJson, weightBytes: Uint8Array): NetworkGraph {
  const { layers } = model.modelTopology.config;
  const weights = sliceWeights(model.weightsManifest[0]?.weights ?? [], weightBytes);
  const reader = new LayerReader(weights);
  for (const layer of layers) reader.add(layer);
  return reader.toGraph();
}

function sliceWeights(specs: WeightsGroup['weights'], bytes: Uint8Array): Map<string, Values> {
  const copy = new Uint8Array(bytes).buffer;
  const weights = new Map<string, Values>();
  let offset = 0;
  for (const { name, shape } of specs) {
    const size = shape.reduce((product, side) => product * side, 1);
    if (offset + 4 * size > copy.byteLength) {
      throw unreadable(`expected ${name} [${shape}] in ${MODEL_FILES.weights}; found its end`);
    }
    weights.set(name, { shape, data: new Float32Array(copy, offset, size) });
    offset += 4 * size;
  }
  return weights;
}

/** The node that a layer's output is, and the zeros that a padding wants around it. */
type Output = { readonly name: string; readonly padding: number };

/** Turns layers into nodes one by one; paddings and what only training knows vanish into their neighbours. */
class LayerReader {
  private readonly nodes: GraphNode[] = [];
  /** What stands in the graph for a layer's output. */
  private readonly outputs = new Map<string, Output>();
  private readonly channels = new Map<string, number>();
  private readonly paired = new Set<string>();
  private input = '';
  private imageSize = 0;

  constructor(private readonly weights: ReadonlyMap<string, Values>) {}

  add(layer: LayerJson): void {
    const { name, class_name: kind } = layer;
    const inputs = (layer.inbound_nodes[0] ?? []).map(([source]) => this.outputOf(source));
    const [first = { name: '', padding: 0 }] = inputs;
    if (kind === 'InputLayer') this.addInput(layer);
    else if (kind === 'ZeroPadding2D')
      this.outputs.set(name, { name: first.name, padding: paddingOf(layer) });
    else if (kind === 'Dropout' || this.isPairPart(name)) this.outputs.set(name, first);
    else if (kind === 'Conv2D' || kind === 'DepthwiseConv2D') this.addConvolution(layer, first);
    else if (inputs.some(({ padding }) => padding > 0)) {
      throw unreadable(`expected a convolution after a padding; found ${kind} ${name}`);
    } else this.addPlain(layer, inputs);
  }

  toGraph(): NetworkGraph {
    const last = this.nodes.at(-1);
    if (last === undefined) throw unreadable('expected layers; found none');
    const { input, imageSize, nodes } = this;
    return {
      input,
      imageSize,
      output: last.name,
      embeddingSize: this.channels.get(last.name) ?? 0,
      nodes,
    };
  }

  private addInput({ name, config }: LayerJson): void {
    const [, side = 0, , depth = 0] = config.batch_input_shape as (number | null)[];
    this.input = name;
    this.imageSize = side ?? 0;
    this.channels.set(name, depth ?? 0);
    this.outputs.set(name, { name, padding: 0 });
  }

  private addPlain(layer: LayerJson, inputs: readonly Output[]): void {
    const names = inputs.map((input) => input.name);
    this.push(this.toNode(layer, names), this.channels.get(names[0] ?? '') ?? 0);
  }

  private addConvolution(layer: LayerJson, { name: input, padding }: Output): void {
    const { name, config } = layer;
    if (config.padding !== 'valid') throw unreadable(`expected explicit padding; found it in ${name}`);
    const [stride = 1] = config.strides as number[];
    const isDepthwise = layer.class_name === 'DepthwiseConv2D';
    const stored = this.weight(name, isDepthwise ? 'depthwise_kernel' : 'kernel');
    const [height = 0, width = 0, inner = 0, outer = 0] = stored.shape;
    // [k, k, c, 1] of a depthwise kernel is [k, k, 1, c] of a convolution in c groups: the same values in the same order.
    const isPaired = isDepthwise && outer === 2;
    if (isPaired) this.paired.add(name);
    const single = isDepthwise ? { ...stored, shape: [height, width, outer, inner] } : stored;
    const kernel = isPaired ? toPairedKernel(stored) : single;
    const bias = config.use_bias === true ? this.weight(name, 'bias').data : null;
    const inputChannels = this.channels.get(input) ?? 0;
    const groups = inputChannels / (kernel.shape[2] ?? 1);
    this.push(
      { op: 'conv', name, inputs: [input], kernel, bias, stride, padding, groups },
      kernel.shape[3] ?? 0,
    );
  }

  private toNode({ name, class_name: kind, config }: LayerJson, inputs: readonly string[]): GraphNode {
    const base = { name, inputs };
    switch (kind) {
      case 'BatchNormalization':
        return {
          op: 'batchNorm',
          ...base,
          gamma: this.weight(name, 'gamma').data,
          beta: this.weight(name, 'beta').data,
          mean: this.weight(name, 'moving_mean').data,
          variance: this.weight(name, 'moving_variance').data,
          epsilon: config.epsilon as number,
        };
      case 'PReLU':
        return { op: 'prelu', ...base, alpha: this.weight(name, 'alpha').data };
      case 'Add':
        return { op: 'add', ...base };
      case 'Flatten':
        return { op: 'flatten', ...base, channels: this.channels.get(inputs[0] ?? '') ?? 0 };
      case 'Dense': {
        const bias = config.use_bias === true ? this.weight(name, 'bias').data : null;
        return { op: 'dense', ...base, kernel: this.weight(name, 'kernel'), bias };
      }
      default:
        throw unreadable(`expected a layer that an embedding network is built of; found ${kind} (${name})`);
    }
  }

  private push(node: GraphNode, inputChannels: number): void {
    this.nodes.push(node);
    this.outputs.set(node.name, { name: node.name, padding: 0 });
    this.channels.set(node.name, node.op === 'dense' ? (node.kernel.shape[1] ?? 0) : inputChannels);
  }

  /** Whether a layer is one of those that add up the products of a `PairedConv2d`, which is a single node here. */
  private isPairPart(name: string): boolean {
    const [, convolution = ''] = /^(.+)\.(pairs|input0|input1|sum|map)$/.exec(name) ?? [];
    return this.paired.has(convolution);
  }

  private outputOf(layer: string): Output {
    const output = this.outputs.get(layer);
    if (output === undefined) throw unreadable(`expected ${layer} before the layers that read it`);
    return output;
  }

  private weight(layer: string, role: string): Values {
    const values = this.weights.get(`${layer}/${role}`);
    if (values === undefined) throw unreadable(`expected the weight ${layer}/${role}; found none`);
    return values;
  }
}

/** [k, k, c, 2] of a `PairedConv2d` (input channel, output of its pair) → [k, k, 2, c] of a convolution in c/2 groups. */
function toPairedKernel({ shape: [height = 0, width = 0, channels = 0], data }: Values): Values {
  const moved = data.map((_, index) => {
    const output = index % channels;
    const input = Math.floor(index / channels) % 2;
    const place = Math.floor(index / channels / 2);
    const inputChannel = output - (output % 2) + input;
    return data[(place * channels + inputChannel) * 2 + (output % 2)] as number;
  });
  return { shape: [height, width, 2, channels], data: moved };
}

function paddingOf({ name, config }: LayerJson): number {
  const sides = (config.padding as number[][]).flat();
  const [side = 0] = sides;
  if (sides.some((other) => other !== side)) {
    throw unreadable(`expected the same padding on all sides of ${name}; found ${sides}`);
  }
  return side;
}

function unreadable(detail: string): MlError {
  return new MlError('model_unreadable', 'infrastructure', `The model cannot be read: ${detail}.`);
}
