import type { SymbolicTensor, Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import type { LayersGraph } from '../export/layers-graph.js';

/**
 * Gradient of some rows of a parameter [rows, …]; that of every other row is 0, and an optimizer leaves those rows
 * as they are (docs/decisions/partial-fc.md).
 */
export type SparseGradient = {
  /** [k], int32, ascending, none twice. */
  readonly rows: Tensor1D;
  /** [k, …], one entry for each of `rows`. */
  readonly values: Tensor;
};

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
  /** Set in place of `gradient` where a step touched some rows only; taken by the optimizer like it. */
  sparseGradient?: SparseGradient | null;
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
  disposeGradient(parameter);
  parameter.gradient = gradient;
}

/** As `setGradient`, for a gradient of some rows. */
export function setSparseGradient(parameter: Parameter, gradient: SparseGradient): void {
  disposeGradient(parameter);
  parameter.sparseGradient = gradient;
}

/** Frees whichever gradient a parameter holds. */
export function disposeGradient(parameter: Parameter): void {
  parameter.gradient?.dispose();
  parameter.sparseGradient?.rows.dispose();
  parameter.sparseGradient?.values.dispose();
  parameter.gradient = null;
  parameter.sparseGradient = null;
}
