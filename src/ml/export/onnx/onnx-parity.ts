import { createRequire } from 'node:module';
import type { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { MlError } from '../../ml-error.js';
import { ONNX_INPUT, ONNX_OUTPUT } from './to-onnx.js';

/** An export is refused when one image's embedding deviates further than this from the network's own. */
export const LOWEST_COSINE = 0.9999;

/** Images as the decoders give them, with what the trained network makes of them. */
export type ParityBatch = {
  /** [count, size, size, 3], each value in [−1, 1] */
  readonly pixels: Float32Array;
  readonly count: number;
  /** [count, embeddingSize] */
  readonly embeddings: Float32Array;
};

export type Parity = {
  /** The runtime that the export ran in, with its version. */
  readonly runtime: string;
  readonly images: number;
  /** The worst image's cosine between the export's embedding and the network's. */
  readonly lowestCosine: number;
};

type OnnxRuntime = typeof import('onnxruntime-node');

/**
 * Runs an exported network on images in onnxruntime and compares each embedding with the original.
 * @param withPreprocessing whether it takes bytes in place of normalised planes
 * @throws MlError `export_mismatch` when a cosine is below 0.9999 or not a number
 */
export async function checkOnnxParity(
  model: Uint8Array,
  batches: readonly ParityBatch[],
  withPreprocessing: boolean,
): Promise<Parity> {
  // Required here, not imported above: its library is large, and a job that exports nothing needs none of it.
  const require = createRequire(import.meta.url);
  const runtime = require('onnxruntime-node') as OnnxRuntime;
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  const session = await runtime.InferenceSession.create(model);
  let lowestCosine = Number.POSITIVE_INFINITY;
  let images = 0;
  try {
    for (const batch of batches) {
      const found = await run(session, toInput(runtime, batch, withPreprocessing));
      for (const cosine of cosines(found, batch)) lowestCosine = Math.min(lowestCosine, cosine);
      images += batch.count;
    }
  } finally {
    await session.release();
  }
  // Written so that NaN fails too.
  if (!(lowestCosine >= LOWEST_COSINE)) {
    throw new MlError(
      'export_mismatch',
      'infrastructure',
      `Expected the ONNX export to give every embedding with a cosine of at least ${LOWEST_COSINE}; found ${lowestCosine}.`,
    );
  }
  return { runtime: `onnxruntime ${version}`, images, lowestCosine };
}

async function run(session: InferenceSession, images: OnnxTensor): Promise<Float32Array> {
  const { [ONNX_OUTPUT]: output } = await session.run({ [ONNX_INPUT]: images });
  if (output === undefined) throw new Error(`the exported network has no output ${ONNX_OUTPUT}`);
  return output.data as Float32Array;
}

function toInput(runtime: OnnxRuntime, { pixels, count }: ParityBatch, asBytes: boolean): OnnxTensor {
  const side = Math.round(Math.sqrt(pixels.length / count / 3));
  if (asBytes) {
    const bytes = Uint8Array.from(pixels, (value) => Math.round(value * 127.5 + 127.5));
    return new runtime.Tensor('uint8', bytes, [count, side, side, 3]);
  }
  return new runtime.Tensor('float32', toPlanes(pixels, count), [count, 3, side, side]);
}

/** [n, h, w, 3] → [n, 3, h, w] */
export function toPlanes(pixels: Float32Array, count: number): Float32Array {
  const planes = new Float32Array(pixels.length);
  const places = pixels.length / count / 3;
  for (let image = 0; image < count; image += 1) {
    for (let place = 0; place < places; place += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        planes[(3 * image + channel) * places + place] = pixels[
          3 * (image * places + place) + channel
        ] as number;
      }
    }
  }
  return planes;
}

function cosines(found: Float32Array, { embeddings, count }: ParityBatch): number[] {
  const size = embeddings.length / count;
  return Array.from({ length: count }, (_, image) => {
    let dot = 0;
    let foundSquares = 0;
    let squares = 0;
    for (let i = image * size; i < (image + 1) * size; i += 1) {
      const a = found[i] ?? Number.NaN;
      const b = embeddings[i] ?? Number.NaN;
      dot += a * b;
      foundSquares += a * a;
      squares += b * b;
    }
    return dot / Math.sqrt(foundSquares * squares);
  });
}
