import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { LayersGraph } from '../export/layers-graph.js';
import type { ConvolutionShape } from './convolution.js';
import { DepthwiseConv2d } from './depthwise-conv2d.js';
import { type Layer, type Parameter, setGradient, takeKept } from './layer.js';

/** Columns of a kernel's last two axes (channel of the pair, output of the pair), read as one axis of four. */
const STRAIGHT = [0, 3];
const CROSSED = [1, 2];
/** Where each of the four columns lies in [straight, crossed]. */
const JOINED = [0, 2, 3, 1];

/**
 * Grouped convolution with two channels a group, without bias: the output channels 2g and 2g + 1 see the input
 * channels 2g and 2g + 1 only. x [n, h, w, c] → [n, h', w', c].
 *
 * The kernel is [k, k, c, 2], as of a depthwise convolution with two outputs a channel: input channel, then output
 * of its pair. TensorFlow has no gradient of a grouped convolution on a CPU. So the sum over a pair is written out
 * as two depthwise convolutions: y = straight(x) + swap(crossed(x)), where swap exchanges the channels of each pair.
 * A dense kernel with zeros between the groups would take 64 times the work at 128 channels; two outputs a channel
 * and a sum were slower too, for the tensor of twice the size.
 */
export class PairedConv2d implements Layer {
  readonly parameters: readonly [Parameter];
  readonly buffers = [];
  private readonly straight: DepthwiseConv2d;
  private readonly crossed: DepthwiseConv2d;
  private isKept: true | null = null;

  /** @param kernel [k, k, c, 2]; consumed */
  constructor(
    readonly name: string,
    kernel: Tensor,
    private readonly shape: ConvolutionShape,
  ) {
    const { tf } = loadTensorFlow();
    this.parameters = [{ name: `${name}/depthwise_kernel`, value: kernel, gradient: null }];
    // Their kernels are set by each forward pass, from this layer's.
    this.straight = new DepthwiseConv2d(`${name}.straight`, tf.zeros([0]), shape);
    this.crossed = new DepthwiseConv2d(`${name}.crossed`, tf.zeros([0]), shape);
    for (const part of this.parts) part.parameters[0].value.dispose();
  }

  private get parts() {
    return [this.straight, this.crossed] as const;
  }

  forward(x: Tensor, training: boolean): Tensor {
    const { tf } = loadTensorFlow();
    const [kernel] = this.parameters;
    this.straight.parameters[0].value = takeColumns(kernel.value, STRAIGHT);
    this.crossed.parameters[0].value = takeColumns(kernel.value, CROSSED);
    const straight = this.straight.forward(x.clone(), training);
    const crossed = this.crossed.forward(x, training);
    if (training) this.isKept = true;
    else for (const part of this.parts) part.parameters[0].value.dispose();
    const y = tf.tidy(() => tf.add(straight, swapPairs(crossed)));
    straight.dispose();
    crossed.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    takeKept(this.isKept, this.name);
    this.isKept = null;
    const swapped = swapPairs(dy);
    const dxStraight = this.straight.backward(dy);
    const dxCrossed = this.crossed.backward(swapped);
    const gradients = this.parts.map((part) => part.parameters[0].gradient as Tensor);
    const [kernel] = this.parameters;
    setGradient(kernel, joinColumns(gradients, kernel.value.shape));
    for (const part of this.parts) {
      part.parameters[0].gradient?.dispose();
      part.parameters[0].gradient = null;
      part.parameters[0].value.dispose();
    }
    const dx = tf.add(dxStraight, dxCrossed);
    dxStraight.dispose();
    dxCrossed.dispose();
    return dx;
  }

  /** tfjs has no grouped layer: two outputs a channel by its depthwise layer, then the sum over each pair. */
  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const { layers } = graph.tf;
    const { kernel: kernelSize, stride: strides, padding } = this.shape;
    const { name } = this;
    const padded =
      padding === 0 ? x : (layers.zeroPadding2d({ padding, name: `${name}.pad` }).apply(x) as SymbolicTensor);
    const depthwise = layers.depthwiseConv2d({
      name,
      kernelSize,
      strides,
      padding: 'valid',
      depthMultiplier: 2,
      useBias: false,
    });
    const products = graph.bind(depthwise, [this.parameters[0].value]).apply(padded) as SymbolicTensor;
    const [height, width, doubled] = products.shape.slice(1) as [number, number, number];
    const channels = doubled / 2;
    // [pairs, input of the pair, output of the pair]
    const pairs = layers
      .reshape({ name: `${name}.pairs`, targetShape: [(height * width * channels) / 2, 2, 2] })
      .apply(products) as SymbolicTensor;
    const inputs = [0, 1].map((input) => {
      const cropping: [[number, number], [number, number]] = [
        [0, 0],
        [input, 1 - input],
      ];
      return layers.cropping2D({ name: `${name}.input${input}`, cropping }).apply(pairs) as SymbolicTensor;
    });
    const sum = layers.add({ name: `${name}.sum` }).apply(inputs) as SymbolicTensor;
    return layers
      .reshape({ name: `${name}.map`, targetShape: [height, width, channels] })
      .apply(sum) as SymbolicTensor;
  }
}

/** kernel [k, k, c, 2] → [k, k, c, 1] of two of the four columns of each pair. */
function takeColumns(kernel: Tensor, columns: number[]): Tensor {
  const { tf } = loadTensorFlow();
  const [height = 0, width = 0, channels = 0] = kernel.shape;
  return tf.tidy(() => {
    const taken = tf.gather(kernel.reshape([-1, 4]), tf.tensor1d(columns, 'int32'), 1);
    return taken.reshape([height, width, channels, 1]);
  });
}

/** The inverse of `takeColumns` for both halves. */
function joinColumns(halves: readonly Tensor[], shape: number[]): Tensor {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => {
    const columns = tf.concat(
      halves.map((half) => half.reshape([-1, 2])),
      1,
    );
    return tf.gather(columns, tf.tensor1d(JOINED, 'int32'), 1).reshape(shape);
  });
}

/** Exchanges the channels 2g and 2g + 1. */
function swapPairs(x: Tensor): Tensor {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => tf.reverse(x.reshape([-1, 2]), 1).reshape(x.shape));
}
