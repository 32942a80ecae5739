import type { layers, SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Attribute, runSingleOp } from '../engine/raw-op.js';
import type { LayersGraph } from '../export/layers-graph.js';
import type { ConvolutionFunctions } from './convolution-kernels.js';
import { type Layer, type Parameter, setGradient, takeKept } from './layer.js';

export type ConvolutionShape = {
  readonly kernel: number;
  readonly stride: number;
  /** Rows and columns of zeros on each side. TensorFlow's SAME would pad one side only at stride 2. */
  readonly padding: number;
};

/** TensorFlow's three operations of one kind of convolution, with the attributes that only this kind has. */
export type ConvolutionOps = {
  readonly forward: string;
  readonly kernelGradient: string;
  readonly inputGradient: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
};

/** The attributes that all these operations share; padding is symmetric and explicit. */
function sharedAttributes({ stride, padding }: ConvolutionShape): Record<string, Attribute> {
  return {
    T: { dtype: 'float32' },
    strides: { int: [1, stride, stride, 1] },
    dilations: { int: [1, 1, 1, 1] },
    data_format: { string: 'NHWC' },
    padding: { string: padding === 0 ? 'VALID' : 'EXPLICIT' },
    explicit_paddings: { int: padding === 0 ? [] : [0, 0, padding, padding, padding, padding, 0, 0] },
  };
}

/** A convolution by TensorFlow's operations: of any shape, on any device. */
export function tensorflowConvolution(shape: ConvolutionShape, ops: ConvolutionOps): ConvolutionFunctions {
  const { tf } = loadTensorFlow();
  const attributes = { ...sharedAttributes(shape), ...ops.attributes };
  return {
    forward: (x, kernel) => runSingleOp(ops.forward, attributes, [x, kernel]),
    kernelGradient(x, dy, kernelShape) {
      const sizes = tf.tensor1d([...kernelShape], 'int32');
      const gradient = runSingleOp(ops.kernelGradient, attributes, [x, sizes, dy]);
      sizes.dispose();
      return gradient;
    },
    inputGradient(kernel, dy, inputShape) {
      const sizes = tf.tensor1d([...inputShape], 'int32');
      const gradient = runSingleOp(ops.inputGradient, attributes, [sizes, kernel, dy]);
      sizes.dispose();
      return gradient;
    },
  };
}

/** A convolution without bias, whole or depthwise: x [n, h, w, in] → [n, h', w', out]. */
export abstract class Convolution implements Layer {
  readonly parameters: readonly [Parameter];
  readonly buffers = [];
  private kept: Tensor | null = null;

  /** @param hasInputGradient false for a first layer: the gradient of the images is wanted by nobody */
  protected constructor(
    readonly name: string,
    kernel: Omit<Parameter, 'gradient'>,
    readonly shape: ConvolutionShape,
    private readonly functions: ConvolutionFunctions,
    private readonly hasInputGradient: boolean,
  ) {
    this.parameters = [{ ...kernel, gradient: null }];
  }

  /** The tfjs layer of this kind, without padding. */
  protected abstract toLayer(graph: LayersGraph): layers.Layer;

  forward(x: Tensor, training: boolean): Tensor {
    const y = this.convolve(x);
    if (training) this.kept = x;
    else x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const x = takeKept(this.kept, this.name);
    this.kept = null;
    return this.differentiate(x, dy);
  }

  /** The forward pass alone. `x` stays the caller's. */
  convolve(x: Tensor): Tensor {
    return this.functions.forward(x, this.parameters[0].value);
  }

  /** The backward pass for an input that the caller kept or computed again. Consumes both. */
  differentiate(x: Tensor, dy: Tensor): Tensor {
    const [kernel] = this.parameters;
    setGradient(kernel, this.functions.kernelGradient(x, dy, kernel.value.shape));
    const inputShape = x.shape;
    x.dispose();
    const dx = this.hasInputGradient
      ? this.functions.inputGradient(kernel.value, dy, inputShape)
      : loadTensorFlow().tf.zeros([0]);
    dy.dispose();
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const { padding } = this.shape;
    const padded =
      padding === 0
        ? x
        : (graph.tf.layers.zeroPadding2d({ padding, name: `${this.name}.pad` }).apply(x) as SymbolicTensor);
    return graph.bind(this.toLayer(graph), [this.parameters[0].value]).apply(padded) as SymbolicTensor;
  }
}
