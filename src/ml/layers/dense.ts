import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import type { LayersGraph } from '../export/layers-graph.js';
import { type Layer, type Parameter, setGradient, takeKept } from './layer.js';

/** Fully connected layer. x [n, in], kernel [in, out], bias [out] or none → [n, out]. */
export class Dense implements Layer {
  readonly parameters: readonly Parameter[];
  readonly buffers = [];
  private readonly kernel: Parameter;
  private readonly bias: Parameter | null;
  private kept: Tensor | null = null;

  constructor(
    readonly name: string,
    kernel: Tensor,
    options: { readonly bias: boolean },
  ) {
    const outputs = kernel.shape[1] ?? 0;
    this.kernel = { name: `${name}/kernel`, value: kernel, gradient: null };
    this.bias = options.bias
      ? { name: `${name}/bias`, value: loadTensorFlow().tf.zeros([outputs]), gradient: null }
      : null;
    this.parameters = this.bias === null ? [this.kernel] : [this.kernel, this.bias];
  }

  forward(x: Tensor, training: boolean): Tensor {
    const { tf } = loadTensorFlow();
    const y = tf.tidy(() => {
      const product = tf.matMul(x, this.kernel.value);
      return this.bias === null ? product : tf.add(product, this.bias.value);
    });
    if (training) this.kept = x;
    else x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const { tf } = loadTensorFlow();
    const x = takeKept(this.kept, this.name);
    this.kept = null;
    setGradient(this.kernel, tf.matMul(x, dy, true, false));
    if (this.bias !== null) setGradient(this.bias, tf.sum(dy, 0));
    const dx = tf.matMul(dy, this.kernel.value, false, true);
    x.dispose();
    dy.dispose();
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const layer = graph.tf.layers.dense({
      name: this.name,
      units: this.kernel.value.shape[1] ?? 0,
      useBias: this.bias !== null,
    });
    const values = this.parameters.map(({ value }) => value);
    return graph.bind(layer, values).apply(x) as SymbolicTensor;
  }
}
