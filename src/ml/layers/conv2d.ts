import type { layers, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LayersGraph } from '../export/layers-graph.js';
import {
  Convolution,
  type ConvolutionOps,
  type ConvolutionShape,
  tensorflowConvolution,
} from './convolution.js';
import { findConvolutionKernels } from './convolution-kernels.js';

/** The twin of our kernels, and the only answer for the shapes that they leave out. */
export const CONV2D_OPS: ConvolutionOps = {
  forward: 'Conv2D',
  kernelGradient: 'Conv2DBackpropFilter',
  inputGradient: 'Conv2DBackpropInput',
  attributes: { use_cudnn_on_gpu: { bool: true } },
};

/** Convolution without bias. x [n, h, w, in], kernel [k, k, in, out] → [n, h', w', out]. */
export class Conv2d extends Convolution {
  /** @param options.inputGradient false for a first layer: the gradient of the images is wanted by nobody */
  constructor(
    name: string,
    kernel: Tensor,
    shape: ConvolutionShape,
    options: { readonly inputGradient: boolean } = { inputGradient: true },
  ) {
    const functions =
      findConvolutionKernels(shape, kernel.shape[2] ?? 0) ?? tensorflowConvolution(shape, CONV2D_OPS);
    super(name, { name: `${name}/kernel`, value: kernel }, shape, functions, options.inputGradient);
  }

  protected toLayer(graph: LayersGraph): layers.Layer {
    return graph.tf.layers.conv2d({
      name: this.name,
      filters: this.parameters[0].value.shape[3] ?? 0,
      kernelSize: this.shape.kernel,
      strides: this.shape.stride,
      padding: 'valid',
      useBias: false,
    });
  }
}
