import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { augment } from './augmentation/augment.js';
import { decodeImage } from './decode-image.js';
import type {
  DecodeFailure,
  DecodeReply,
  DecodeRequest,
  Inspection,
  ThreadSource,
} from './decode-messages.js';
import { failureReason } from './failure-reason.js';
import { RowWriter, readRow } from './image-cache-row.js';
import { inspectPixels } from './inspect-pixels.js';
import { writeNormalised } from './normalise.js';
import { readImageBytes } from './read-image-bytes.js';

type InspectRequest = Extract<DecodeRequest, { type: 'inspect' | 'hash' }>;

// Runs in a thread of its own: decodes beside the thread that trains.
const port = parentPort;
if (port === null) throw new Error('decode-thread runs as a worker thread of the decode pool');

// One request after another: a batch asked for ahead would otherwise decode at the same time as the one before it,
// and take its memory and the training's cores too.
let previous = Promise.resolve();
port.on('message', (request: DecodeRequest) => {
  previous = previous.then(async () => port.postMessage(await answer(request)));
});

async function answer(request: DecodeRequest): Promise<DecodeReply> {
  const { id } = request;
  return request.type === 'decode'
    ? { id, failed: await decodeInto(request), inspected: [], cacheError: null }
    : { id, failed: [], ...(await inspectAll(request)) };
}

async function decodeInto(request: Extract<DecodeRequest, { type: 'decode' }>): Promise<DecodeFailure[]> {
  const { sources, flips, augmentation, offset, imageSize } = request;
  const failed: DecodeFailure[] = [];
  const values = imageSize * imageSize * 3;
  const pixels = new Float32Array(request.buffer, 0, (offset + sources.length) * values);
  for (const [i, source] of sources.entries()) {
    const index = offset + i;
    const target = pixels.subarray(index * values, (index + 1) * values);
    try {
      const decoded =
        cachedPixels(source, imageSize) ??
        (await decodeImage(await readImageBytes(source), imageSize, source.region));
      const seed = augmentation?.seeds[i];
      const changed =
        augmentation === null || seed === undefined
          ? decoded
          : augment(decoded, imageSize, augmentation.settings, seed);
      writeNormalised(changed, target, imageSize, flips[i] ?? false);
    } catch (error) {
      // The buffer may hold an earlier batch's image there.
      target.fill(0);
      failed.push({ index, reason: failureReason(error, source.path) });
    }
  }
  return failed;
}

function cachedPixels({ cached }: ThreadSource, imageSize: number): Uint8Array | null {
  return cached === null ? null : readRow(cached.fd, cached.row, imageSize);
}

async function inspectAll({
  type,
  sources,
  imageSize,
  target,
}: InspectRequest): Promise<Pick<DecodeReply, 'inspected' | 'cacheError'>> {
  const inspected: Inspection[] = [];
  const writer = target === null ? null : new RowWriter(target.path, target.firstRow);
  // One after another: a chunk of huge images at once would take the memory of all of them.
  for (const source of sources) {
    const { pixels, ...inspection } = await inspect(source, type === 'hash' ? null : imageSize);
    inspected.push(inspection);
    writer?.next(pixels);
  }
  return { inspected, cacheError: writer?.close() ?? null };
}

/** @param imageSize null leaves the image undecoded */
async function inspect(
  source: ThreadSource,
  imageSize: number | null,
): Promise<Inspection & { readonly pixels: Uint8Array | null }> {
  let sha256 = '';
  try {
    const bytes = await readImageBytes(source);
    sha256 = createHash('sha256').update(bytes).digest('hex');
    if (imageSize === null) return { sha256, error: null, facts: null, pixels: null };
    const pixels = await decodeImage(bytes, imageSize, source.region);
    return { sha256, error: null, facts: await inspectPixels(bytes, pixels), pixels };
  } catch (error) {
    return { sha256, error: failureReason(error, source.path), facts: null, pixels: null };
  }
}
