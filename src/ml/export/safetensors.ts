import { type FileHandle, open } from 'node:fs/promises';
import { MlError } from '../ml-error.js';
import { decodeFloats, FLOAT_TYPES, type FloatType } from './float-values.js';
import {
  encodeHeader,
  headerLength,
  invalid,
  LENGTH_BYTES,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.js';

/** A safetensors file, opened and checked; its tensors are read one at a time. */
export class SafetensorsFile {
  private constructor(
    private readonly handle: FileHandle,
    private readonly header: SafetensorsHeader,
    private readonly dataStart: number,
  ) {}

  /**
   * @throws MlError `safetensors_unreadable` when the file cannot be opened, `safetensors_invalid` when its header is wrong
   */
  static async open(path: string): Promise<SafetensorsFile> {
    const handle = await open(path).catch((error: Error) => {
      throw new MlError(
        'safetensors_unreadable',
        'data',
        `Expected a safetensors file; found: ${error.message}.`,
      );
    });
    try {
      const { size } = await handle.stat();
      const length = headerLength(await readBytes(handle, 0, Math.min(size, LENGTH_BYTES)), size);
      const dataStart = LENGTH_BYTES + length;
      const header = parseHeader(await readBytes(handle, LENGTH_BYTES, length), size - dataStart);
      return new SafetensorsFile(handle, header, dataStart);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Each tensor's type and shape, by name. */
  get tensors(): ReadonlyMap<string, TensorEntry> {
    return this.header.tensors;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.header.metadata;
  }

  /**
   * A tensor's values, row by row, as float32.
   * @throws MlError `safetensors_invalid` when it is missing or no floating-point tensor
   */
  async readFloats(name: string): Promise<Float32Array> {
    const entry = this.tensors.get(name);
    const type = FLOAT_TYPES.find((known) => known === entry?.type);
    if (entry === undefined || type === undefined) {
      throw invalid(`${name} of ${FLOAT_TYPES.join(', ')}`, entry?.type ?? 'nothing');
    }
    const bytes = await readBytes(this.handle, this.dataStart + entry.begin, entry.end - entry.begin);
    return decodeFloats(bytes, type satisfies FloatType);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

async function readBytes(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  if (bytesRead !== length) throw invalid(`${length} bytes at ${position}`, `${bytesRead}`);
  return bytes;
}

/** A tensor to be written; `values` is asked for when its turn comes, so that one at a time is in memory. */
export type TensorToWrite = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly type: 'F32'; readonly values: () => Promise<Float32Array> }
  | { readonly type: 'I64'; readonly values: () => Promise<BigInt64Array> }
);

/** Writes a safetensors file, the 8-byte types first so that every tensor is aligned. Syncing is the caller's. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const ordered = [...tensors].sort((a, b) => Number(b.type === 'I64') - Number(a.type === 'I64'));
  let end = 0;
  const entries = ordered.map(({ name, type, shape }): [string, TensorEntry] => {
    const begin = end;
    end += shape.reduce((product, length) => product * length, type === 'I64' ? 8 : 4);
    return [name, { type, shape, begin, end }];
  });
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(encodeHeader({ tensors: new Map(entries), metadata }));
    for (const tensor of ordered) {
      const values = await tensor.values();
      await handle.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  } finally {
    await handle.close();
  }
}
