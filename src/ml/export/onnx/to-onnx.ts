import type { GraphNode, NetworkGraph } from '../network-graph.js';
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  type DimensionProto,
  encodeModel,
  type NodeProto,
  TENSOR_TYPE,
  type TensorProto,
  type ValueInfoProto,
} from './onnx-messages.js';

/** Opset 17 of IR version 8 (ONNX 1.12): old enough for runtimes in use, new enough for each operator here. */
const IR_VERSION = 8;
const OPSET = 17;
/** How the two ends of the exported network are called. */
export const ONNX_INPUT = 'images';
export const ONNX_OUTPUT = 'embeddings';

export type OnnxOptions = {
  /**
   * Given: the network takes bytes as an image library gives them, uint8 [n, size, size, 3] in RGB, and computes
   * (value − mean) / divisor itself. Left out: float32 [n, 3, size, size], already normalised.
   */
  readonly preprocessing?: { readonly mean: number; readonly divisor: number };
  /** Kept in the file as text: where the network comes from. */
  readonly metadata?: Readonly<Record<string, string>>;
};

/** The network as an ONNX model with a dynamic batch size, output float32 [n, embeddingSize], not normalised. */
export function toOnnx(graph: NetworkGraph, { preprocessing, metadata = {} }: OnnxOptions = {}): Uint8Array {
  const writer = new OnnxWriter();
  const { imageSize, embeddingSize } = graph;
  const start = preprocessing === undefined ? ONNX_INPUT : writer.addPreprocessing(preprocessing);
  writer.addNodes(graph, start);
  const input =
    preprocessing === undefined
      ? value(ONNX_INPUT, TENSOR_TYPE.float32, [3, imageSize, imageSize])
      : value(ONNX_INPUT, TENSOR_TYPE.uint8, [imageSize, imageSize, 3]);
  return encodeModel({
    irVersion: IR_VERSION,
    producerName: 'arcqueue',
    opsetImport: [{ domain: '', version: OPSET }],
    metadataProps: Object.entries(metadata).map(([key, text]) => ({ key, value: text })),
    graph: {
      name: 'backbone',
      node: writer.nodes,
      initializer: writer.initializers,
      input: [input],
      output: [value(ONNX_OUTPUT, TENSOR_TYPE.float32, [embeddingSize])],
    },
  });
}

class OnnxWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];

  /** @returns the name of the normalised images, [n, 3, size, size] */
  addPreprocessing({ mean, divisor }: { readonly mean: number; readonly divisor: number }): string {
    this.push('Cast', 'preprocessing.cast', [ONNX_INPUT], [int('to', TENSOR_TYPE.float32)]);
    const meanName = this.tensor('preprocessing.mean', [1], Float32Array.of(mean));
    this.push('Sub', 'preprocessing.centred', ['preprocessing.cast', meanName]);
    const divisorName = this.tensor('preprocessing.divisor', [1], Float32Array.of(divisor));
    this.push('Div', 'preprocessing.scaled', ['preprocessing.centred', divisorName]);
    return this.push(
      'Transpose',
      'preprocessing.planes',
      ['preprocessing.scaled'],
      [ints('perm', [0, 3, 1, 2])],
    );
  }

  addNodes(graph: NetworkGraph, start: string): void {
    const flattened = new Map<string, number>();
    const nameOf = (name: string) => {
      if (name === graph.input) return start;
      return name === graph.output ? ONNX_OUTPUT : name;
    };
    for (const node of graph.nodes) {
      const inputs = node.inputs.map(nameOf);
      const channels = flattened.get(node.inputs[0] ?? '');
      if (node.op === 'flatten') flattened.set(node.name, node.channels);
      else if (channels !== undefined && node.op !== 'dense') {
        throw new Error(`expected a linear layer after a flattening; found ${node.op} ${node.name}`);
      }
      this.add(node, nameOf(node.name), inputs, channels);
    }
  }

  /** @param flattenedChannels of the map that a linear layer reads flattened, if it does */
  private add(node: GraphNode, name: string, inputs: readonly string[], flattenedChannels?: number): void {
    switch (node.op) {
      case 'conv': {
        const [size = 0, , inner = 0, outer = 0] = node.kernel.shape;
        const kernel = this.tensor(
          `${node.name}.W`,
          [outer, inner, size, size],
          toOihw(node.kernel.data, node.kernel.shape),
        );
        const bias = node.bias === null ? [] : [this.tensor(`${node.name}.B`, [outer], node.bias)];
        this.push(
          'Conv',
          name,
          [...inputs, kernel, ...bias],
          [
            ints('kernel_shape', [size, size]),
            ints('strides', [node.stride, node.stride]),
            ints('pads', [node.padding, node.padding, node.padding, node.padding]),
            int('group', node.groups),
          ],
        );
        return;
      }
      case 'batchNorm': {
        const { gamma, beta, mean, variance } = node;
        const statistics = Object.entries({ gamma, beta, mean, variance }).map(([role, data]) =>
          this.tensor(`${node.name}.${role}`, [data.length], data),
        );
        this.push('BatchNormalization', name, [...inputs, ...statistics], [float('epsilon', node.epsilon)]);
        return;
      }
      case 'prelu': {
        const slope = this.tensor(`${node.name}.slope`, [node.alpha.length, 1, 1], node.alpha);
        this.push('PRelu', name, [...inputs, slope]);
        return;
      }
      case 'dense': {
        const [rows = 0, columns = 0] = node.kernel.shape;
        const data =
          flattenedChannels === undefined
            ? node.kernel.data
            : toChannelsFirstRows(node.kernel.data, { rows, columns, channels: flattenedChannels });
        const kernel = this.tensor(`${node.name}.W`, [rows, columns], data);
        const bias = node.bias === null ? [] : [this.tensor(`${node.name}.B`, [columns], node.bias)];
        this.push('Gemm', name, [...inputs, kernel, ...bias]);
        return;
      }
      case 'flatten':
        this.push('Flatten', name, inputs, [int('axis', 1)]);
        return;
      case 'add':
        this.push('Add', name, inputs);
    }
  }

  private push(
    opType: string,
    name: string,
    input: readonly string[],
    attribute: AttributeProto[] = [],
  ): string {
    this.nodes.push({ name, opType, input: [...input], output: [name], attribute });
    return name;
  }

  private tensor(name: string, dims: number[], data: Float32Array): string {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.push({ name, dims, dataType: TENSOR_TYPE.float32, rawData });
    return name;
  }
}

/** [k, k, in, out] → [out, in, k, k] */
function toOihw(
  data: Float32Array,
  [height = 0, width = 0, inner = 0, outer = 0]: readonly number[],
): Float32Array {
  const moved = new Float32Array(data.length);
  let from = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let i = 0; i < inner; i += 1) {
        for (let o = 0; o < outer; o += 1, from += 1) {
          moved[((o * inner + i) * height + y) * width + x] = data[from] as number;
        }
      }
    }
  }
  return moved;
}

/** Rows that follow a map flattened as [h, w, c] → rows that follow it flattened as [c, h, w]. */
function toChannelsFirstRows(
  data: Float32Array,
  { rows, columns, channels }: { readonly rows: number; readonly columns: number; readonly channels: number },
): Float32Array {
  const moved = new Float32Array(data.length);
  const places = rows / channels;
  for (let row = 0; row < rows; row += 1) {
    const target = (row % channels) * places + Math.floor(row / channels);
    moved.set(data.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return moved;
}

function value(name: string, elemType: number, sides: readonly number[]): ValueInfoProto {
  const fixed: DimensionProto[] = sides.map((side) => ({ dimValue: side }));
  return { name, type: { tensorType: { elemType, shape: { dim: [{ dimParam: 'batch' }, ...fixed] } } } };
}

function float(name: string, f: number): AttributeProto {
  return { name, type: ATTRIBUTE_TYPE.float, f };
}
function int(name: string, i: number): AttributeProto {
  return { name, type: ATTRIBUTE_TYPE.int, i };
}
function ints(name: string, values: number[]): AttributeProto {
  return { name, type: ATTRIBUTE_TYPE.ints, ints: values };
}
