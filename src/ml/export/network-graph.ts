/** Values of a tensor with its shape, in plain memory: reading a graph needs no TensorFlow. */
export type Values = { readonly shape: readonly number[]; readonly data: Float32Array };

type NodeBase = { readonly name: string; readonly inputs: readonly string[] };

/** One operation of an embedding network at inference; images and feature maps are [n, h, w, c]. */
export type GraphNode =
  | (NodeBase & {
      readonly op: 'conv';
      /** [k, k, in / groups, out] */
      readonly kernel: Values;
      readonly bias: Float32Array | null;
      readonly stride: number;
      /** Zeros on each side, as added by the padding before the convolution. */
      readonly padding: number;
      readonly groups: number;
    })
  | (NodeBase & {
      readonly op: 'batchNorm';
      readonly gamma: Float32Array;
      readonly beta: Float32Array;
      readonly mean: Float32Array;
      readonly variance: Float32Array;
      readonly epsilon: number;
    })
  | (NodeBase & { readonly op: 'prelu'; readonly alpha: Float32Array })
  | (NodeBase & { readonly op: 'add' })
  /** `channels` of the map that is flattened, which the order of the values depends on. */
  | (NodeBase & { readonly op: 'flatten'; readonly channels: number })
  | (NodeBase & {
      readonly op: 'dense';
      /** [in, out] */
      readonly kernel: Values;
      readonly bias: Float32Array | null;
    });

/** A network as a list of operations, each after those that it reads. */
export type NetworkGraph = {
  /** Name that the first operations read. */
  readonly input: string;
  readonly imageSize: number;
  readonly output: string;
  readonly embeddingSize: number;
  readonly nodes: readonly GraphNode[];
};
