import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { decodeImage } from './decode-image.js';
import type { DecodeFailure, DecodeReply, DecodeRequest, Inspection } from './decode-messages.js';

// Runs in a thread of its own: decodes beside the thread that trains.
const port = parentPort;
if (port === null) throw new Error('decode-thread runs as a worker thread of the decode pool');

port.on('message', async (request: DecodeRequest) => {
  const reply: DecodeReply =
    request.type === 'decode'
      ? { id: request.id, failed: await decodeInto(request), inspected: [] }
      : {
          id: request.id,
          failed: [],
          inspected: await Promise.all(request.paths.map((path) => inspect(path, request.imageSize))),
        };
  port.postMessage(reply);
});

async function decodeInto(request: Extract<DecodeRequest, { type: 'decode' }>): Promise<DecodeFailure[]> {
  const { paths, flips, offset, imageSize } = request;
  const pixels = new Float32Array(request.buffer);
  const failed: DecodeFailure[] = [];
  const values = imageSize * imageSize * 3;
  for (const [i, path] of paths.entries()) {
    const index = offset + i;
    try {
      const decoded = await decodeImage(await readFile(path), imageSize);
      writeNormalised(
        decoded,
        pixels.subarray(index * values, (index + 1) * values),
        imageSize,
        flips[i] ?? false,
      );
    } catch (error) {
      failed.push({ index, reason: describe(error) });
    }
  }
  return failed;
}

/** (value − 127.5) / 127.5, mirrored left to right where asked. */
function writeNormalised(source: Uint8Array, target: Float32Array, size: number, flip: boolean): void {
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const from = 3 * (y * size + (flip ? size - 1 - x : x));
      const to = 3 * (y * size + x);
      for (let channel = 0; channel < 3; channel += 1) {
        target[to + channel] = ((source[from + channel] ?? 0) - 127.5) / 127.5;
      }
    }
  }
}

async function inspect(path: string, imageSize: number): Promise<Inspection> {
  let sha256 = '';
  try {
    const bytes = await readFile(path);
    sha256 = createHash('sha256').update(bytes).digest('hex');
    await decodeImage(bytes, imageSize);
    return { sha256, error: null };
  } catch (error) {
    return { sha256, error: describe(error) };
  }
}

/** The first line of a library's message, without the server's paths. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').replace(/'?\/[^\s',]+'?/g, 'the file');
}
