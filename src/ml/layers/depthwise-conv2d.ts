import type { layers, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LayersGraph } from '../export/layers-graph.js';
import {
  Convolution,
  type ConvolutionOps,
  type ConvolutionShape,
  tensorflowConvolution,
} from './convolution.js';
import { findDepthwiseKernels } from './convolution-kernels.js';

/** The twin of our kernels, and the only answer for the shapes that they leave out. */
export const DEPTHWISE_OPS: ConvolutionOps = {
  forward: 'DepthwiseConv2dNative',
  kernelGradient: 'DepthwiseConv2dNativeBackpropFilter',
  inputGradient: 'DepthwiseConv2dNativeBackpropInput',
  attributes: {},
};

/** Depthwise convolution without bias. x [n, h, w, c], kernel [k, k, c, 1] → [n, h', w', c]. */
export class DepthwiseConv2d extends Convolution {
  constructor(name: string, kernel: Tensor, shape: ConvolutionShape) {
    super(
      name,
      { name: `${name}/depthwise_kernel`, value: kernel },
      shape,
      findDepthwiseKernels(shape) ?? tensorflowConvolution(shape, DEPTHWISE_OPS),
      true,
    );
  }

  protected toLayer(graph: LayersGraph): layers.Layer {
    return graph.tf.layers.depthwiseConv2d({
      name: this.name,
      kernelSize: this.shape.kernel,
      strides: this.shape.stride,
      padding: 'valid',
      depthMultiplier: 1,
      useBias: false,
    });
  }
}
