import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import type { LayersGraph } from '../export/layers-graph.js';

/**
 * A trainable tensor. An update replaces `value` rather than writing into it, so a snapshot of a network is a
 * clone of each value: a reference, not a copy.
 */
export type Parameter = {
  /** `layer/role` in tfjs's naming, for example `stem.conv/kernel`. */
  readonly name: string;
  value: Tensor;
  /** Set by `backward`, taken (and disposed) by the optimizer. */
  gradient: Tensor | null;
};

/** A tensor that belongs to the state but is not trained: the moving statistics of a batch norm. */
export type NetworkBuffer = { readonly name: string; value: Tensor };

/** A generator that forward passes in training draw from (dropout, sampled classes); its state is part of the run's. */
export type NamedRandom = { readonly name: string; readonly random: Random };

/**
 * A layer as an explicit pair of forward and backward.
 *
 * Ownership: both consume the tensor they are given, and the caller owns what they return. In training, `forward`
 * keeps exactly what `backward` needs, and `backward` frees each of these once used. tfjs's own tape frees
 * nothing before a step ends, which doubles the peak memory.
 */
export interface Layer {
  /** @param training false: moving statistics are used and nothing is kept for `backward` */
  forward(x: Tensor, training: boolean): Tensor;
  /**
   * Takes the gradient of the loss with respect to this layer's output, sets the parameters' gradients and
   * returns the gradient with respect to the input.
   */
  backward(dy: Tensor): Tensor;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly NetworkBuffer[];
  /** Left out by a layer that draws nothing. */
  readonly randoms?: readonly NamedRandom[];
  /** Appends the same computation to a tfjs layers model, for export. */
  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor;
}

/** Takes a tensor kept by `forward`. @throws Error when `backward` runs without a `forward` in training mode */
export function takeKept<T>(kept: T | null, layerName: string): T {
  if (kept === null)
    throw new Error(`${layerName}: backward needs a forward pass in training mode before it`);
  return kept;
}

/** Stores a gradient. Each step sets it once; a leftover means that a step was skipped without clearing. */
export function setGradient(parameter: Parameter, gradient: Tensor): void {
  parameter.gradient?.dispose();
  parameter.gradient = gradient;
}
