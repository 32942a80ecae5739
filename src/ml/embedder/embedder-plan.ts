import { foldBatchNorm } from '../export/fold-batch-norm.js';
import type { GraphNode, NetworkGraph } from '../export/network-graph.js';

/** One step of the native embedder; `input` and `second` are numbers of values: 0 the images, n the output of step n. */
export type EmbedderStep = { readonly input: number; readonly second: number } & (
  | {
      readonly op: 'conv';
      /** [size, size, in / groups, out], row by row */
      readonly kernel: Float32Array;
      readonly bias: Float32Array | null;
      /** Of the PReLU that follows; `second`, if any, is added before it. */
      readonly slope: Float32Array | null;
      readonly outChannels: number;
      readonly size: number;
      readonly stride: number;
      readonly padding: number;
      readonly groups: number;
    }
  | {
      readonly op: 'dense';
      readonly kernel: Float32Array;
      readonly bias: Float32Array | null;
      readonly outChannels: number;
    }
  | { readonly op: 'affine'; readonly scale: Float32Array; readonly shift: Float32Array }
  | { readonly op: 'prelu'; readonly slope: Float32Array }
  | { readonly op: 'add' }
);

type ConvStep = Extract<EmbedderStep, { op: 'conv' }>;
/** A step that still knows which node's value it gives. */
type Draft = { step: EmbedderStep; value: string };

/**
 * The steps that give a network's embeddings: batch norms folded into the weights before them, and a PReLU or a sum done
 * by the convolution that it follows, while the values are in the processor's cache.
 */
export function planEmbedder(graph: NetworkGraph): EmbedderStep[] {
  const folded = foldBatchNorm(graph);
  const readers = new Map<string, number>([[folded.output, 1]]);
  for (const { inputs } of folded.nodes) {
    for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const drafts: Draft[] = [];
  const numbers = new Map<string, number>([[folded.input, 0]]);
  const numberOf = (name: string | undefined): number => {
    const number = numbers.get(name ?? '');
    if (number === undefined) throw new Error(`${name} is read before it is computed`);
    return number;
  };

  for (const node of folded.nodes) {
    const [first, second] = node.inputs;
    if (node.op === 'flatten') {
      // The values lie in that order already.
      numbers.set(node.name, numberOf(first));
      readers.set(drafts[numberOf(first) - 1]?.value ?? '', readers.get(node.name) ?? 0);
      continue;
    }
    const last = drafts.at(-1);
    const host = last?.step.op === 'conv' && readers.get(last.value) === 1 ? (last.step as ConvStep) : null;
    if (
      last !== undefined &&
      host !== null &&
      node.op === 'prelu' &&
      first === last.value &&
      host.slope === null
    ) {
      last.step = { ...host, slope: node.alpha };
    } else if (last !== undefined && host !== null && canAdd(host, node, last.value)) {
      last.step = { ...host, second: numberOf(first === last.value ? second : first) };
    } else {
      const step = toStep(node, numberOf(first), second === undefined ? -1 : numberOf(second));
      drafts.push({ step, value: node.name });
      numbers.set(node.name, drafts.length);
      continue;
    }
    last.value = node.name;
    numbers.set(node.name, drafts.length);
  }
  return drafts.map(({ step }) => step);
}

function canAdd(host: ConvStep, node: GraphNode, value: string): boolean {
  const isSum = node.op === 'add' && node.inputs.includes(value);
  return isSum && host.groups === 1 && host.slope === null && host.second === -1;
}

function toStep(node: Exclude<GraphNode, { op: 'flatten' }>, input: number, second: number): EmbedderStep {
  switch (node.op) {
    case 'conv': {
      const [size = 0, , , outChannels = 0] = node.kernel.shape;
      const { bias, stride, padding, groups } = node;
      const shape = { outChannels, size, stride, padding, groups };
      return { op: 'conv', input, second, kernel: node.kernel.data, bias, slope: null, ...shape };
    }
    case 'dense': {
      const outChannels = node.kernel.shape[1] ?? 0;
      return { op: 'dense', input, second, kernel: node.kernel.data, bias: node.bias, outChannels };
    }
    case 'batchNorm': {
      const { gamma, beta, mean, variance, epsilon } = node;
      const factors = Array.from(gamma, (value, c) => value / Math.sqrt((variance[c] ?? 0) + epsilon));
      const scale = Float32Array.from(factors);
      const shift = Float32Array.from(factors, (factor, c) => (beta[c] ?? 0) - factor * (mean[c] ?? 0));
      return { op: 'affine', input, second, scale, shift };
    }
    case 'prelu':
      return { op: 'prelu', input, second, slope: node.alpha };
    case 'add':
      return { op: 'add', input, second };
  }
}
