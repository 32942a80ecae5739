import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { LayersGraph } from '../export/layers-graph.js';
import type { Layer } from './layer.js';

/** branch(x) + shortcut(x); without a shortcut layer, branch(x) + x. */
export class Residual implements Layer {
  constructor(
    readonly name: string,
    private readonly branch: Layer,
    private readonly shortcut: Layer | null,
  ) {}

  get parameters() {
    return [...this.branch.parameters, ...(this.shortcut?.parameters ?? [])];
  }

  get buffers() {
    return [...this.branch.buffers, ...(this.shortcut?.buffers ?? [])];
  }

  get randoms() {
    return [...(this.branch.randoms ?? []), ...(this.shortcut?.randoms ?? [])];
  }

  forward(x: Tensor, training: boolean): Tensor {
    const direct = x.clone();
    const branched = this.branch.forward(x, training);
    const bypassed = this.shortcut === null ? direct : this.shortcut.forward(direct, training);
    return addAndDispose(branched, bypassed);
  }

  backward(dy: Tensor): Tensor {
    const direct = dy.clone();
    const branched = this.branch.backward(dy);
    const bypassed = this.shortcut === null ? direct : this.shortcut.backward(direct);
    return addAndDispose(branched, bypassed);
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const branched = this.branch.toLayersModel(x, graph);
    const bypassed = this.shortcut === null ? x : this.shortcut.toLayersModel(x, graph);
    return graph.tf.layers.add({ name: `${this.name}.add` }).apply([branched, bypassed]) as SymbolicTensor;
  }
}

function addAndDispose(a: Tensor, b: Tensor): Tensor {
  const sum = loadTensorFlow().tf.add(a, b);
  a.dispose();
  b.dispose();
  return sum;
}
