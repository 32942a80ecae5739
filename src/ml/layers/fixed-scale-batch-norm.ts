import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LayersGraph } from '../export/layers-graph.js';
import { BatchNorm } from './batch-norm.js';
import type { Layer, NetworkBuffer, Parameter } from './layer.js';

/**
 * Batch norm whose scale gamma is not trained (it stays 1 unless weights are loaded), as InsightFace's IResNets
 * have it on the embedding. Gamma is part of the state, so it is among the buffers.
 */
export class FixedScaleBatchNorm implements Layer {
  readonly parameters: readonly [Parameter];
  readonly buffers: readonly NetworkBuffer[];
  private readonly inner: BatchNorm;

  constructor(
    readonly name: string,
    channels: number,
  ) {
    this.inner = new BatchNorm(name, channels);
    const [gamma, beta] = this.inner.parameters;
    this.parameters = [beta];
    this.buffers = [gamma, ...this.inner.buffers];
  }

  forward(x: Tensor, training: boolean): Tensor {
    return this.inner.forward(x, training);
  }

  backward(dy: Tensor): Tensor {
    const dx = this.inner.backward(dy);
    const [gamma] = this.inner.parameters;
    gamma.gradient?.dispose();
    gamma.gradient = null;
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    return this.inner.toLayersModel(x, graph);
  }
}
