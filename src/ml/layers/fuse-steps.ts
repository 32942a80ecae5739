import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { BatchNorm } from './batch-norm.js';
import { KernelBatchNorm } from './batch-norm-kernel.js';
import type { Layer } from './layer.js';
import { Prelu } from './prelu.js';

/** What a forward and backward pass needs of one or several layers. */
export type Step = Pick<Layer, 'forward' | 'backward'>;

/**
 * The layers as steps that compute the same in fewer passes over memory: a batch norm and the PReLU after it become
 * one step, where the engine has kernels. The parameters stay those of the layers.
 */
export function fuseSteps(layers: readonly Layer[]): readonly Step[] {
  if (!loadTensorFlow().hasKernels) return layers;
  const steps: Step[] = [];
  for (let index = 0; index < layers.length; index += 1) {
    const layer = layers[index] as Layer;
    const next = layers[index + 1];
    if (layer instanceof BatchNorm && next instanceof Prelu) {
      steps.push(new KernelBatchNorm(layer, next.parameters[0]));
      index += 1;
    } else {
      steps.push(layer);
    }
  }
  return steps;
}
