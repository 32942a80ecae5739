import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * How one tensor of ours lies in PyTorch. Both functions are called within a tidy, take a tensor of the one layout and
 * return it in the other.
 */
export type PytorchLayout = {
  readonly shape: readonly number[];
  readonly toPytorch: (ours: Tensor) => Tensor;
  readonly fromPytorch: (theirs: Tensor) => Tensor;
};

/** Channels of the map that every network flattens. */
const FLATTENED_CHANNELS = 512;

/** The layout of a tensor with `role`, the part of its name after the slash, and our `shape`. */
export function pytorchLayout(role: string, shape: readonly number[]): PytorchLayout {
  if (role === 'depthwise_kernel') return depthwiseLayout(shape);
  if (role === 'kernel') return shape.length === 4 ? convolutionLayout(shape) : linearLayout(shape);
  return { shape, toPytorch: (ours) => ours, fromPytorch: (theirs) => theirs };
}

/** [k, k, in, out] ↔ [out, in, k, k] */
function convolutionLayout([
  height = 0,
  width = 0,
  inputs = 0,
  outputs = 0,
]: readonly number[]): PytorchLayout {
  return {
    shape: [outputs, inputs, height, width],
    toPytorch: (ours) => ours.transpose([3, 2, 0, 1]),
    fromPytorch: (theirs) => theirs.transpose([2, 3, 1, 0]),
  };
}

/**
 * [k, k, c, m], input channel and output of its group of m channels, ↔ [c, m, k, k], output channel and input of its
 * group; m is 1 for a depthwise convolution and 2 for one in pairs.
 */
function depthwiseLayout([
  height = 0,
  width = 0,
  channels = 0,
  perGroup = 1,
]: readonly number[]): PytorchLayout {
  const groups = channels / perGroup;
  return {
    shape: [channels, perGroup, height, width],
    toPytorch: (ours) =>
      ours
        .reshape([height, width, groups, perGroup, perGroup])
        .transpose([2, 4, 3, 0, 1])
        .reshape([channels, perGroup, height, width]),
    fromPytorch: (theirs) =>
      theirs
        .reshape([groups, perGroup, perGroup, height, width])
        .transpose([3, 4, 0, 2, 1])
        .reshape([height, width, channels, perGroup]),
  };
}

/**
 * [in, out] ↔ [out, in], where the inputs are a flattened map: ours has the channels vary fastest, PyTorch's the
 * places. A map of one place is in the same order in both.
 */
function linearLayout([inputs = 0, outputs = 0]: readonly number[]): PytorchLayout {
  const places = inputs / FLATTENED_CHANNELS;
  return {
    shape: [outputs, inputs],
    toPytorch: (ours) =>
      ours.reshape([places, FLATTENED_CHANNELS, outputs]).transpose([2, 1, 0]).reshape([outputs, inputs]),
    fromPytorch: (theirs) =>
      theirs.reshape([outputs, FLATTENED_CHANNELS, places]).transpose([2, 1, 0]).reshape([inputs, outputs]),
  };
}
