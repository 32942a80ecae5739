import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LayersGraph } from '../export/layers-graph.js';
import { fuseSteps, type Step } from './fuse-steps.js';
import type { Layer } from './layer.js';

/** Layers one after another. */
export class Sequential implements Layer {
  private readonly steps: readonly Step[];

  constructor(readonly layers: readonly Layer[]) {
    this.steps = fuseSteps(layers);
  }

  get parameters() {
    return this.layers.flatMap((layer) => layer.parameters);
  }

  get buffers() {
    return this.layers.flatMap((layer) => layer.buffers);
  }

  get randoms() {
    return this.layers.flatMap((layer) => layer.randoms ?? []);
  }

  forward(x: Tensor, training: boolean): Tensor {
    return this.steps.reduce((value, step) => step.forward(value, training), x);
  }

  backward(dy: Tensor): Tensor {
    return this.steps.reduceRight((gradient, step) => step.backward(gradient), dy);
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    return this.layers.reduce((value, layer) => layer.toLayersModel(value, graph), x);
  }
}
