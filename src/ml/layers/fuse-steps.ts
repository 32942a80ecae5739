import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { BatchNorm } from './batch-norm.js';
import { KernelBatchNorm } from './batch-norm-kernel.js';
import { Convolution } from './convolution.js';
import type { Layer } from './layer.js';
import { Prelu } from './prelu.js';

/** What a forward and backward pass needs of one or several layers. */
export type Step = Pick<Layer, 'forward' | 'backward'>;

/**
 * The layers as steps that compute the same with less memory traffic and fewer kept tensors, where the engine has
 * kernels: a batch norm and the PReLU after it become one pass; a convolution after them has its input computed again
 * in the backward pass. The parameters stay those of the layers.
 */
export function fuseSteps(layers: readonly Layer[]): readonly Step[] {
  if (!loadTensorFlow().hasKernels) return layers;
  const steps: Step[] = [];
  for (let index = 0; index < layers.length; ) {
    const layer = layers[index] as Layer;
    index += 1;
    if (!(layer instanceof BatchNorm)) {
      steps.push(layer);
      continue;
    }
    const prelu = layers[index];
    const slopes = prelu instanceof Prelu ? prelu.parameters[0] : null;
    if (slopes !== null) index += 1;
    const normalise = new KernelBatchNorm(layer, slopes);
    const convolution = layers[index];
    if (convolution instanceof Convolution) index += 1;
    steps.push(
      convolution instanceof Convolution ? new NormalisedConvolution(normalise, convolution) : normalise,
    );
  }
  return steps;
}

/**
 * A batch norm (and PReLU) with the convolution of its output, which is not kept: in the larger networks such outputs
 * are half of the activations, and computing them again is one pass over memory.
 */
class NormalisedConvolution implements Step {
  constructor(
    private readonly normalise: KernelBatchNorm,
    private readonly convolution: Convolution,
  ) {}

  forward(x: Tensor, training: boolean): Tensor {
    const normalised = this.normalise.forward(x, training);
    const y = this.convolution.convolve(normalised);
    normalised.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    return this.normalise.backward(this.convolution.differentiate(this.normalise.outputAgain(), dy));
  }
}
