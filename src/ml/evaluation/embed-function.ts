import type { Backbone } from '../backbones/backbone.js';
import { Embedder } from '../embedder/embedder.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';

/** Raw embeddings of normalised images: [count, size, size, 3] → [count, embeddingSize], row by row. */
export type EmbedFunction = (pixels: Float32Array, count: number) => Promise<Float32Array>;

/**
 * A published model's network at inference: on a CPU the native embedder, which is several times as fast as TensorFlow
 * there and agrees with it to about 1e-6; on a GPU the backbone.
 * @throws MlError `model_unreadable`, `engine_missing`
 */
export async function openEmbedFunction(modelDir: string, backbone: Backbone): Promise<EmbedFunction> {
  if (loadTensorFlow().device === 'gpu') return embedByBackbone(backbone);
  const embedder = await Embedder.open(modelDir);
  return async (pixels, count) => embedder.embed(pixels, count);
}

/** The same through TensorFlow, with the moving statistics. */
export function embedByBackbone(backbone: Backbone): EmbedFunction {
  const { tf } = loadTensorFlow();
  const side = backbone.imageSize;
  return async (pixels, count) => {
    const embedded = backbone.forward(tf.tensor4d(pixels, [count, side, side, 3]), false);
    const values = (await embedded.data()) as Float32Array;
    embedded.dispose();
    return values;
  };
}
