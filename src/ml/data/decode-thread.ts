import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { decodeImage } from './decode-image.js';
import type { DecodeFailure, DecodeReply, DecodeRequest, Inspection } from './decode-messages.js';
import { failureReason } from './failure-reason.js';
import type { ImageSource } from './image-entry.js';
import { readImageBytes } from './read-image-bytes.js';

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
    ? { id, failed: await decodeInto(request), inspected: [] }
    : { id, failed: [], inspected: await inspectAll(request) };
}

async function decodeInto(request: Extract<DecodeRequest, { type: 'decode' }>): Promise<DecodeFailure[]> {
  const { sources, flips, offset, imageSize } = request;
  const pixels = new Float32Array(request.buffer);
  const failed: DecodeFailure[] = [];
  const values = imageSize * imageSize * 3;
  for (const [i, source] of sources.entries()) {
    const index = offset + i;
    try {
      const decoded = await decodeImage(await readImageBytes(source), imageSize, source.region);
      writeNormalised(
        decoded,
        pixels.subarray(index * values, (index + 1) * values),
        imageSize,
        flips[i] ?? false,
      );
    } catch (error) {
      failed.push({ index, reason: failureReason(error, source.path) });
    }
  }
  return failed;
}

/** (value − 127.5) / 127.5 of every byte. */
const NORMALISED = Float32Array.from({ length: 256 }, (_, value) => (value - 127.5) / 127.5);

/** Writes the normalised values, mirrored left to right where asked. */
function writeNormalised(source: Uint8Array, target: Float32Array, size: number, flip: boolean): void {
  const step = flip ? -3 : 3;
  let to = 0;
  for (let y = 0; y < size; y += 1) {
    let from = 3 * (y * size + (flip ? size - 1 : 0));
    for (let x = 0; x < size; x += 1, from += step, to += 3) {
      target[to] = NORMALISED[source[from] as number] as number;
      target[to + 1] = NORMALISED[source[from + 1] as number] as number;
      target[to + 2] = NORMALISED[source[from + 2] as number] as number;
    }
  }
}

async function inspectAll({
  sources,
  imageSize,
}: Extract<DecodeRequest, { type: 'inspect' }>): Promise<Inspection[]> {
  const inspected: Inspection[] = [];
  // One after another: a chunk of huge images at once would take the memory of all of them.
  for (const source of sources) inspected.push(await inspect(source, imageSize));
  return inspected;
}

async function inspect(source: ImageSource, imageSize: number): Promise<Inspection> {
  let sha256 = '';
  try {
    const bytes = await readImageBytes(source);
    sha256 = createHash('sha256').update(bytes).digest('hex');
    await decodeImage(bytes, imageSize, source.region);
    return { sha256, error: null };
  } catch (error) {
    return { sha256, error: failureReason(error, source.path) };
  }
}
