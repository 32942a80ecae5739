import { decodeImage } from '../ml/data/decode-image.js';
import { failureReason } from '../ml/data/failure-reason.js';
import { writeNormalised } from '../ml/data/normalise.js';
import { readImageBytes } from '../ml/data/read-image-bytes.js';
import { normaliseRows } from '../ml/evaluation/embed-images.js';
import { MlError } from '../ml/ml-error.js';
import type { InferenceImage, InferenceTask } from './messages.js';
import type { LoadedModel } from './model-cache.js';

/** Images decoded at the same time: what Node's thread pool takes, and a bound on the memory of huge ones. */
const DECODED_AT_ONCE = 4;

/**
 * Embeds the images of several tasks in one pass. All of them agree about `flipTest`.
 * @returns for each task its unit embeddings [images, size], or why one of its images cannot be read
 */
export async function embedBatch(
  { embedder }: LoadedModel,
  tasks: readonly InferenceTask[],
): Promise<(Float32Array | MlError)[]> {
  const { imageSize, embeddingSize } = embedder;
  const decoded = await decodeAll(tasks, imageSize);
  const whole = decoded.filter((pixels): pixels is Uint8Array[] => !(pixels instanceof MlError)).flat();
  const values = embed(false);
  if (tasks[0]?.flipTest === true) {
    const mirrored = embed(true);
    for (let i = 0; i < values.length; i += 1) values[i] = (values[i] as number) + (mirrored[i] as number);
  }
  normaliseRows(values, embeddingSize);
  let row = 0;
  return decoded.map((pixels) => {
    if (pixels instanceof MlError) return pixels;
    row += pixels.length;
    return values.slice((row - pixels.length) * embeddingSize, row * embeddingSize);
  });

  function embed(flip: boolean): Float32Array {
    if (whole.length === 0) return new Float32Array();
    const area = imageSize * imageSize * 3;
    const input = new Float32Array(whole.length * area);
    for (const [i, pixels] of whole.entries())
      writeNormalised(pixels, input.subarray(i * area, (i + 1) * area), imageSize, flip);
    return embedder.embed(input, whole.length);
  }
}

async function decodeAll(
  tasks: readonly InferenceTask[],
  imageSize: number,
): Promise<(Uint8Array[] | MlError)[]> {
  const jobs = tasks.flatMap(({ images }, task) => images.map((image, index) => ({ image, task, index })));
  const results: (Uint8Array[] | MlError)[] = tasks.map(() => []);
  let next = 0;
  const decodeNext = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
      const found = await decode(job.image, imageSize);
      const result = results[job.task];
      if (found instanceof MlError) results[job.task] = found;
      else if (Array.isArray(result)) result[job.index] = found;
    }
  };
  await Promise.all(Array.from({ length: DECODED_AT_ONCE }, decodeNext));
  return results;
}

async function decode(image: InferenceImage, imageSize: number): Promise<Uint8Array | MlError> {
  try {
    const bytes = 'bytes' in image ? image.bytes : await readImageBytes(image);
    return await decodeImage(bytes, imageSize);
  } catch (error) {
    const reason = failureReason(error, 'path' in image ? image.path : image.name);
    return new MlError('image_unreadable', 'user', `The image ${JSON.stringify(image.name)}: ${reason}.`);
  }
}
