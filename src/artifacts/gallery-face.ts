import { open } from 'node:fs/promises';

/** An identity of a gallery with its unit embeddings. */
export type GalleryFace = {
  readonly identity: string;
  readonly updatedAt: string;
  readonly size: number;
  /** [images, size] row by row */
  readonly embeddings: Float32Array;
};

type Header = {
  readonly identity: string;
  readonly updatedAt: string;
  readonly size: number;
  readonly images: number;
};

/** Four bytes of length, the header as JSON, zeros up to a multiple of four, the embeddings as float32, little endian. */
export function toFaceBytes({ embeddings, ...face }: GalleryFace): Buffer {
  const header: Header = { ...face, images: embeddings.length / face.size };
  const text = Buffer.from(JSON.stringify(header));
  const start = startOf(text.length);
  const bytes = Buffer.alloc(start + embeddings.length * 4);
  bytes.writeUInt32LE(text.length);
  text.copy(bytes, 4);
  for (const [i, value] of embeddings.entries()) bytes.writeFloatLE(value, start + 4 * i);
  return bytes;
}

/** null for bytes that are no face: overwritten by a deletion, or cut off. */
export function parseFace(bytes: Buffer): GalleryFace | null {
  const header = parseHeader(bytes);
  if (header === null) return null;
  const { images, ...face } = header;
  const start = startOf(bytes.readUInt32LE());
  if (bytes.length !== start + images * face.size * 4) return null;
  const embeddings = new Float32Array(images * face.size);
  for (let i = 0; i < embeddings.length; i += 1) embeddings[i] = bytes.readFloatLE(start + 4 * i);
  return { ...face, embeddings };
}

/** The header of a file, or null when it is gone or none. */
export async function readFaceHeader(path: string): Promise<Header | null> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return parseHeader(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

function parseHeader(bytes: Buffer): Header | null {
  if (bytes.length < 4) return null;
  try {
    const header = JSON.parse(bytes.toString('utf8', 4, 4 + bytes.readUInt32LE()));
    return typeof header?.identity === 'string' && header.size > 0 ? header : null;
  } catch {
    return null;
  }
}

function startOf(headerBytes: number): number {
  return Math.ceil((4 + headerBytes) / 4) * 4;
}
