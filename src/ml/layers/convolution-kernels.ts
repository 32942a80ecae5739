import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type Attribute, runSingleOp } from '../engine/raw-op.js';
import type { ConvolutionShape } from './convolution.js';

/** A convolution and its two gradients. x [n, h, w, in], kernel [k, k, in, out], y [n, h', w', out]. */
export type ConvolutionFunctions = {
  forward(x: Tensor, kernel: Tensor): Tensor;
  kernelGradient(x: Tensor, dy: Tensor, kernelShape: readonly number[]): Tensor;
  inputGradient(kernel: Tensor, dy: Tensor, inputShape: readonly number[]): Tensor;
};

const WINOGRAD = ownKernels('ArcqueueConv3x3');
const POINTWISE = ownKernels('ArcqueueConv1x1');
/** With a photograph's three channels Winograd's transforms cost more than the products that they save. */
const MIN_WINOGRAD_INPUTS = 8;

/**
 * This project's kernels for a whole convolution of this shape: 1×1 as a matrix product, 3×3 with stride 1 by
 * Winograd's F(4×4, 3×3), others by gathering the pixels under the kernel. Null where the engine has no kernels;
 * TensorFlow's operations then answer.
 */
export function findConvolutionKernels(shape: ConvolutionShape, inputs: number): ConvolutionFunctions | null {
  if (!loadTensorFlow().hasKernels) return null;
  const { kernel, stride, padding } = shape;
  if (kernel === 1 && stride === 1 && padding === 0) return POINTWISE;
  if (kernel === 3 && stride === 1 && padding === 1 && inputs >= MIN_WINOGRAD_INPUTS) return WINOGRAD;
  return stridedKernels('ArcqueueConvGeneral', {
    kernel: { int: kernel },
    stride: { int: stride },
    padding: { int: padding },
  });
}

/** As `findConvolutionKernels`, for a depthwise convolution: 3×3 with stride 1 or 2. kernel [3, 3, c, 1]. */
export function findDepthwiseKernels({
  kernel,
  stride,
  padding,
}: ConvolutionShape): ConvolutionFunctions | null {
  if (!loadTensorFlow().hasKernels || kernel !== 3 || padding !== 1 || stride > 2) return null;
  return stridedKernels('ArcqueueDepthwise3x3', { stride: { int: stride } });
}

/** Kernels of one name whose input gradient is told the input's shape: a stride maps several shapes to one. */
function stridedKernels(name: string, attributes: Readonly<Record<string, Attribute>>): ConvolutionFunctions {
  return {
    forward: (x, kernel) => runSingleOp(name, attributes, [x, kernel]),
    kernelGradient: (x, dy) => runSingleOp(`${name}KernelGrad`, attributes, [x, dy]),
    inputGradient(kernel, dy, inputShape) {
      const sizes = loadTensorFlow().tf.tensor1d([...inputShape], 'int32');
      const dx = runSingleOp(`${name}InputGrad`, attributes, [dy, kernel, sizes]);
      sizes.dispose();
      return dx;
    },
  };
}

function ownKernels(name: string): ConvolutionFunctions {
  return {
    forward: (x, kernel) => runSingleOp(name, {}, [x, kernel]),
    kernelGradient: (x, dy) => runSingleOp(`${name}KernelGrad`, {}, [x, dy]),
    inputGradient: (kernel, dy) => runSingleOp(`${name}InputGrad`, {}, [dy, kernel]),
  };
}
