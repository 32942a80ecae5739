import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LayersGraph } from '../export/layers-graph.js';
import type { Layer } from './layer.js';

/** Layers one after another. */
export class Sequential implements Layer {
  constructor(readonly layers: readonly Layer[]) {}

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
    return this.layers.reduce((value, layer) => layer.forward(value, training), x);
  }

  backward(dy: Tensor): Tensor {
    return this.layers.reduceRight((gradient, layer) => layer.backward(gradient), dy);
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    return this.layers.reduce((value, layer) => layer.toLayersModel(value, graph), x);
  }
}
