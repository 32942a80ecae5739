import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LayersGraph } from '../export/layers-graph.js';
import { type Layer, takeKept } from './layer.js';

/** [n, h, w, c] → [n, h·w·c], channels varying fastest. PyTorch's flatten of [n, c, h, w] orders them otherwise. */
export class Flatten implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  private kept: number[] | null = null;

  constructor(readonly name: string) {}

  forward(x: Tensor, training: boolean): Tensor {
    if (training) this.kept = x.shape;
    const [batch = 0, ...rest] = x.shape;
    const y = x.reshape([batch, rest.reduce((product, size) => product * size, 1)]);
    x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const dx = dy.reshape(takeKept(this.kept, this.name));
    this.kept = null;
    dy.dispose();
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    return graph.tf.layers.flatten({ name: this.name }).apply(x) as SymbolicTensor;
  }
}
