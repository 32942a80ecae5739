import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runOp, runSingleOp } from '../engine/raw-op.js';
import type { LayersGraph } from '../export/layers-graph.js';
import { type Layer, type Parameter, setGradient, takeKept } from './layer.js';

/** PyTorch's initial slope. */
const INITIAL_SLOPE = 0.25;

/** y = x where x > 0, else alpha · x. x [..., c], alpha [c]; by our own kernel where the engine has it. */
export function prelu(x: Tensor, alpha: Tensor): Tensor {
  return loadTensorFlow().hasKernels ? runSingleOp('ArcqueuePrelu', {}, [x, alpha]) : composedPrelu(x, alpha);
}

/** @returns the gradients [dx, dAlpha] of `prelu` */
export function preluGradient(dy: Tensor, x: Tensor, alpha: Tensor): [dx: Tensor, dAlpha: Tensor] {
  return loadTensorFlow().hasKernels
    ? (runOp('ArcqueuePreluGrad', {}, [dy, x, alpha], 2) as [Tensor, Tensor])
    : composedPreluGradient(dy, x, alpha);
}

/** The twin that a GPU, or a machine without our kernels, uses: relu(x) + alpha · (x − relu(x)). */
export function composedPrelu(x: Tensor, alpha: Tensor): Tensor {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => {
    const positive = tf.relu(x);
    return tf.add(positive, tf.mul(alpha, tf.sub(x, positive)));
  });
}

/** Twin of the gradient kernel; ReluGrad passes dy where x > 0. */
export function composedPreluGradient(dy: Tensor, x: Tensor, alpha: Tensor): [dx: Tensor, dAlpha: Tensor] {
  const { tf } = loadTensorFlow();
  return tf.tidy(() => {
    const passed = runSingleOp('ReluGrad', { T: { dtype: 'float32' } }, [dy, x]);
    const blocked = tf.sub(dy, passed);
    const dx = tf.add(passed, tf.mul(alpha, blocked));
    const leadingAxes = x.shape.map((_, axis) => axis).slice(0, -1);
    const dAlpha = tf.sum(tf.mul(blocked, x), leadingAxes);
    return [dx, dAlpha] as [Tensor, Tensor];
  });
}

/** PReLU with one slope per channel. */
export class Prelu implements Layer {
  readonly parameters: readonly [Parameter];
  readonly buffers = [];
  private kept: Tensor | null = null;

  constructor(
    readonly name: string,
    channels: number,
  ) {
    const value = loadTensorFlow().tf.fill([channels], INITIAL_SLOPE);
    this.parameters = [{ name: `${name}/alpha`, value, gradient: null }];
  }

  forward(x: Tensor, training: boolean): Tensor {
    const y = prelu(x, this.parameters[0].value);
    if (training) this.kept = x;
    else x.dispose();
    return y;
  }

  backward(dy: Tensor): Tensor {
    const x = takeKept(this.kept, this.name);
    this.kept = null;
    const [alpha] = this.parameters;
    const [dx, dAlpha] = preluGradient(dy, x, alpha.value);
    setGradient(alpha, dAlpha);
    x.dispose();
    dy.dispose();
    return dx;
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    const layer = graph.tf.layers.prelu({ name: this.name, sharedAxes: [1, 2] });
    return graph.bind(layer, [this.parameters[0].value]).apply(x) as SymbolicTensor;
  }
}
