import type { GraphNode, NetworkGraph, Values } from './network-graph.js';

type BatchNormNode = Extract<GraphNode, { op: 'batchNorm' }>;
type WeightedNode = Extract<GraphNode, { op: 'conv' | 'dense' }>;

/**
 * The same function with fewer operations: a batch norm after a convolution or a linear layer becomes part of its
 * weights, W' = γ/√(σ² + ε)·W and b' = γ/√(σ² + ε)·(b − μ) + β. One before a padded convolution stays: the zeros
 * around the image are added after it, so it is no linear map of what the convolution sees.
 */
export function foldBatchNorm(graph: NetworkGraph): NetworkGraph {
  const readers = countReaders(graph);
  const nodes: GraphNode[] = [];
  const renamed = new Map<string, string>();
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map((name) => renamed.get(name) ?? name) };
    const [source] = node.inputs;
    const index = nodes.findIndex(({ name }) => name === source);
    const before = nodes[index];
    if (
      node.op === 'batchNorm' &&
      before !== undefined &&
      isWeighted(before) &&
      readers.get(before.name) === 1
    ) {
      nodes[index] = absorb(before, node);
      renamed.set(node.name, before.name);
      readers.set(before.name, readers.get(node.name) ?? 0);
    } else {
      nodes.push(node);
    }
  }
  return { ...graph, nodes, output: renamed.get(graph.output) ?? graph.output };
}

function countReaders({ nodes, output }: NetworkGraph): Map<string, number> {
  const readers = new Map<string, number>([[output, 1]]);
  for (const { inputs } of nodes) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
  return readers;
}

function isWeighted(node: GraphNode): node is WeightedNode {
  return node.op === 'conv' || node.op === 'dense';
}

/** The output channel is the last axis of both kinds of kernel. Computed in float64, rounded once. */
function absorb(node: WeightedNode, { gamma, beta, mean, variance, epsilon }: BatchNormNode): WeightedNode {
  const factors = Array.from(gamma, (value, c) => value / Math.sqrt((variance[c] ?? 0) + epsilon));
  const channels = factors.length;
  const scaled = node.kernel.data.map((value, i) => value * (factors[i % channels] ?? 0));
  const kernel: Values = { shape: node.kernel.shape, data: scaled };
  const bias = Float32Array.from(factors, (factor, c) => {
    return factor * ((node.bias?.[c] ?? 0) - (mean[c] ?? 0)) + (beta[c] ?? 0);
  });
  return { ...node, kernel, bias };
}
