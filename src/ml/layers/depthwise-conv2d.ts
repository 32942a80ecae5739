import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Attribute, runSingleOp } from '../engine/raw-op.js';
import type { LayersGraph } from '../export/layers-graph.js';
import { type ConvolutionShape, convolutionAttributes, padSymbolic } from './conv2d.js';
import { type Layer, type Parameter, setGradient, takeKept } from './layer.js';

/** Depthwise convolution without bias. x [n, h, w, c], kernel [k, k, c, 1] → [n, h', w', c]. */
export class DepthwiseConv2d implements Layer {
  readonly parameters: readonly [Parameter];
  readonly buffers = [];
  private readonly attributes: Record<string, Attribute>;
  private kept: Tensor | null = null;

  constructor(
    readonly name: string,
    kernel: Tensor,
    readonly shape: ConvolutionShape,
  ) {
    this.parameters = [{ name: `${name}/depthwise_kernel`, value: kernel, gradient: null }];
    this.attributes = convolutionAttributes(shape);
  }

  forward(x: Tensor, training: boolean): Tensor {
    const y = runSingleOp('DepthwiseConv2dNative', this.attributes, [x, this.parameters[0].value]);
    if (training) this.kept = x;
    else x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    const x = takeKept(this.kept, this.name);
    this.kept = null;
    const [kernel] = this.parameters;
    const kernelSizes = tf.tensor1d(kernel.value.shape, 'int32');
    const inputSizes = tf.tensor1d(x.shape, 'int32');
    setGradient(
      kernel,
      runSingleOp('DepthwiseConv2dNativeBackpropFilter', this.attributes, [x, kernelSizes, dy]),
    );
    x.dispose();
    const dx = runSingleOp('DepthwiseConv2dNativeBackpropInput', this.attributes, [
      inputSizes,
      kernel.value,
      dy,
    ]);
    for (const tensor of [kernelSizes, inputSizes, dy]) tensor.dispose();
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const { kernel, stride, padding } = this.shape;
    const layer = graph.tf.layers.depthwiseConv2d({
      name: this.name,
      kernelSize: kernel,
      strides: stride,
      padding: 'valid',
      depthMultiplier: 1,
      useBias: false,
    });
    return graph
      .bind(layer, [this.parameters[0].value])
      .apply(padSymbolic(x, padding, this.name, graph)) as SymbolicTensor;
  }
}
