import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { LayersGraph } from '../export/layers-graph.js';
import { KernelBatchNorm } from './batch-norm-kernel.js';
import {
  BATCH_NORM_EPSILON,
  BATCH_NORM_MOMENTUM,
  type BatchNormState,
  type BatchNormSteps,
} from './batch-norm-state.js';
import { TensorflowBatchNorm } from './batch-norm-tensorflow.js';
import type { Layer } from './layer.js';

/**
 * Batch normalisation over all but the last axis. x [n, h, w, c] or [n, c]. The moving variance follows the unbiased
 * batch variance, as PyTorch's does.
 */
export class BatchNorm implements Layer, BatchNormState {
  readonly parameters: BatchNormState['parameters'];
  readonly buffers: BatchNormState['buffers'];
  private readonly steps: BatchNormSteps;

  constructor(
    readonly name: string,
    channels: number,
  ) {
    const { tf, hasKernels } = loadTensorFlow();
    this.parameters = [
      { name: `${name}/gamma`, value: tf.ones([channels]), gradient: null },
      { name: `${name}/beta`, value: tf.zeros([channels]), gradient: null },
    ];
    this.buffers = [
      { name: `${name}/moving_mean`, value: tf.zeros([channels]) },
      { name: `${name}/moving_variance`, value: tf.ones([channels]) },
    ];
    this.steps = hasKernels ? new KernelBatchNorm(this, null) : new TensorflowBatchNorm(this);
  }

  forward(x: Tensor, training: boolean): Tensor {
    return this.steps.forward(x, training);
  }

  backward(dy: Tensor): Tensor {
    return this.steps.backward(dy);
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const layer = graph.tf.layers.batchNormalization({
      name: this.name,
      momentum: BATCH_NORM_MOMENTUM,
      epsilon: BATCH_NORM_EPSILON,
    });
    const values = [...this.parameters, ...this.buffers].map(({ value }) => value);
    return graph.bind(layer, values).apply(x) as SymbolicTensor;
  }
}
