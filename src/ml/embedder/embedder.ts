import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { NetworkGraph } from '../export/network-graph.js';
import { readNetworkGraph } from '../export/read-network-graph.js';
import { MlError } from '../ml-error.js';
import { type EmbedderStep, planEmbedder } from './embedder-plan.js';

type NativeEmbedder = {
  build(plan: {
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly threads: number;
    readonly winogradBudgetBytes: number;
    readonly steps: readonly EmbedderStep[];
  }): object;
  embed(embedder: object, images: Float32Array, count: number): Float32Array;
};

export type EmbedderOptions = {
  /** Threads that an embedding uses, the calling one included; all of the machine's when left out. */
  readonly threads?: number;
};

const ADDON = 'lib/napi-v8/arcqueue_embedder.node';
/** What the transformed kernels of 3×3 convolutions may take; a convolution beyond it runs as a matrix product. */
const WINOGRAD_BUDGET_BYTES = 256 * 2 ** 20;

let native: NativeEmbedder | undefined;

/**
 * Embeds images with a trained network on the CPU. It needs no TensorFlow: it starts in milliseconds and holds the
 * weights once. An embedding does not depend, to the bit, on the other images of the call or on the number of threads.
 */
export class Embedder {
  readonly imageSize: number;
  readonly embeddingSize: number;
  private readonly handle: object;

  /** @throws MlError `engine_missing` when set-up has not compiled the embedder; Error for a graph that it cannot run */
  constructor(graph: NetworkGraph, { threads = availableParallelism() }: EmbedderOptions = {}) {
    this.imageSize = graph.imageSize;
    this.embeddingSize = graph.embeddingSize;
    this.handle = loadNative().build({
      height: graph.imageSize,
      width: graph.imageSize,
      channels: 3,
      threads,
      winogradBudgetBytes: WINOGRAD_BUDGET_BYTES,
      steps: planEmbedder(graph),
    });
  }

  /** @throws MlError `model_unreadable`, `engine_missing` */
  static async open(modelDir: string, options: EmbedderOptions = {}): Promise<Embedder> {
    return new Embedder(await readNetworkGraph(modelDir), options);
  }

  /**
   * @param images [count, size, size, 3], normalised as the model's preprocessing says
   * @returns [count, embeddingSize], not normalised
   * @throws Error when the images are not `count` images of the model's size
   */
  embed(images: Float32Array, count: number): Float32Array {
    return loadNative().embed(this.handle, images, count);
  }
}

function loadNative(): NativeEmbedder {
  if (native !== undefined) return native;
  const require = createRequire(import.meta.url);
  const file = join(dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')), ADDON);
  try {
    native = require(file) as NativeEmbedder;
  } catch (error) {
    throw new MlError(
      'engine_missing',
      'infrastructure',
      `The embedder is not set up (${(error as Error).message}). Run: npm run setup`,
    );
  }
  return native;
}
