import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Attribute, runSingleOp } from '../engine/raw-op.js';
import type { LayersGraph } from '../export/layers-graph.js';
import { type Layer, type Parameter, setGradient, takeKept } from './layer.js';

export type ConvolutionShape = {
  readonly kernel: number;
  readonly stride: number;
  /** Rows and columns of zeros on each side. TensorFlow's SAME would pad one side only at stride 2. */
  readonly padding: number;
};

/** The attributes that TensorFlow's convolutions and their gradients share; padding is symmetric and explicit. */
export function convolutionAttributes({ stride, padding }: ConvolutionShape): Record<string, Attribute> {
  return {
    T: { dtype: 'float32' },
    strides: { int: [1, stride, stride, 1] },
    dilations: { int: [1, 1, 1, 1] },
    data_format: { string: 'NHWC' },
    padding: { string: padding === 0 ? 'VALID' : 'EXPLICIT' },
    explicit_paddings: { int: padding === 0 ? [] : [0, 0, padding, padding, padding, padding, 0, 0] },
  };
}

/** Pads a symbolic tensor as the explicit attribute does, for the exported model. */
export function padSymbolic(
  x: SymbolicTensor,
  padding: number,
  name: string,
  graph: LayersGraph,
): SymbolicTensor {
  if (padding === 0) return x;
  return graph.tf.layers.zeroPadding2d({ padding, name: `${name}.pad` }).apply(x) as SymbolicTensor;
}

/** Convolution without bias. x [n, h, w, in], kernel [k, k, in, out] → [n, h', w', out]. */
export class Conv2d implements Layer {
  readonly parameters: readonly [Parameter];
  readonly buffers = [];
  private readonly attributes: Record<string, Attribute>;
  private kept: Tensor | null = null;

  /** @param options.inputGradient false for a first layer: the gradient of the images is wanted by nobody */
  constructor(
    readonly name: string,
    kernel: Tensor,
    readonly shape: ConvolutionShape,
    private readonly options: { readonly inputGradient: boolean } = { inputGradient: true },
  ) {
    this.parameters = [{ name: `${name}/kernel`, value: kernel, gradient: null }];
    this.attributes = convolutionAttributes(shape);
  }

  forward(x: Tensor, training: boolean): Tensor {
    const y = runSingleOp('Conv2D', { ...this.attributes, use_cudnn_on_gpu: { bool: true } }, [
      x,
      this.parameters[0].value,
    ]);
    if (training) this.kept = x;
    else x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    const x = takeKept(this.kept, this.name);
    this.kept = null;
    const [kernel] = this.parameters;
    const attributes = { ...this.attributes, use_cudnn_on_gpu: { bool: true } };
    const kernelSizes = tf.tensor1d(kernel.value.shape, 'int32');
    setGradient(kernel, runSingleOp('Conv2DBackpropFilter', attributes, [x, kernelSizes, dy]));
    kernelSizes.dispose();
    const inputSizes = tf.tensor1d(x.shape, 'int32');
    x.dispose();
    const dx = this.options.inputGradient
      ? runSingleOp('Conv2DBackpropInput', attributes, [inputSizes, kernel.value, dy])
      : tf.zeros([0]);
    inputSizes.dispose();
    dy.dispose();
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const { kernel, stride, padding } = this.shape;
    const [parameter] = this.parameters;
    const layer = graph.tf.layers.conv2d({
      name: this.name,
      filters: parameter.value.shape[3] ?? 0,
      kernelSize: kernel,
      strides: stride,
      padding: 'valid',
      useBias: false,
    });
    return graph
      .bind(layer, [parameter.value])
      .apply(padSymbolic(x, padding, this.name, graph)) as SymbolicTensor;
  }
}
