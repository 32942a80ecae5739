import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { IgnoredFile } from '../class-folder.js';
import type { ByteRange } from '../image-entry.js';
import { BLOCK_BYTES, parseHeader, parsePax, type TarHeader, whyNotEntry } from './tar-header.js';

/** A long name or a pax header is far smaller; more is not read. */
const MAX_EXTRA_BYTES = 64 * 1024;
/** Headers that speak of the entry behind them: pax's, and GNU's long names. */
const EXTRA_TYPES = 'xgLK';
/** Entries between two looks at the signal. */
const TURN = 512;

export type TarIndex = {
  /** Places of the files, by normalised name. */
  readonly files: ReadonlyMap<string, ByteRange>;
  readonly ignored: readonly IgnoredFile[];
};

/** What headers before an entry's own say of it. */
type Extra = { name?: string; size?: number; isSparse?: boolean };

/**
 * Walks the headers of a tar file and skips the data. What cannot be used is listed; where the headers end in the middle, the rest is
 * listed as one. Of a name that comes twice the first counts.
 */
export async function indexTar(file: FileHandle, shard: string, signal?: AbortSignal): Promise<TarIndex> {
  const { size: fileBytes } = await file.stat();
  const files = new Map<string, ByteRange>();
  const ignored: IgnoredFile[] = [];
  const block = Buffer.alloc(BLOCK_BYTES);
  let extra: Extra = {};
  let at = 0;
  for (let entry = 1; at < fileBytes; entry += 1) {
    if (entry % TURN === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, at);
    const stop = (reason: string) => {
      ignored.push({ path: shard, reason: `${reason} at byte ${at}; what follows is not read` });
      return { files, ignored };
    };
    if (bytesRead < BLOCK_BYTES) return stop('a header that is cut short');
    let header: TarHeader | null;
    try {
      header = parseHeader(block);
    } catch {
      return stop('no header');
    }
    if (header === null) break;
    const { type } = header;
    const isExtra = EXTRA_TYPES.includes(type);
    const size = isExtra ? header.size : (extra.size ?? header.size);
    const offset = at + BLOCK_BYTES;
    const name = (extra.name ?? header.name).replace(/^(\.\/+)+/, '');
    if (offset + size > fileBytes) {
      ignored.push({ path: `${shard}/${name}`, reason: "runs beyond the file's end" });
      break;
    }
    at = offset + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (isExtra) {
      if (size > MAX_EXTRA_BYTES) return stop(`a header of ${size} bytes`);
      const data = Buffer.alloc(size);
      await file.read(data, 0, size, offset);
      try {
        extra = { ...extra, ...toExtra(type, data) };
      } catch {
        return stop('no pax header');
      }
      continue;
    }
    const reason = extra.isSparse ? 'a sparse file' : whyNotEntry(name, type);
    extra = {};
    if (type === '5') continue;
    const path = `${shard}/${name}`;
    if (reason !== null) ignored.push({ path, reason });
    else if (files.has(name)) ignored.push({ path, reason: 'a name that came before' });
    else files.set(name, { offset, length: size });
  }
  return { files, ignored };
}

function toExtra(type: string, data: Buffer): Extra {
  if (type === 'L') return { name: data.toString('utf8').replace(/\0.*$/s, '') };
  if (type !== 'x') return {};
  const pax = parsePax(data);
  const [name, size] = [pax.get('path'), pax.get('size')];
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw new Error('expected a size; found none');
  return {
    ...(name === undefined ? {} : { name }),
    ...(size === undefined ? {} : { size: Number(size) }),
    isSparse: [...pax.keys()].some((key) => key.startsWith('GNU.sparse')),
  };
}
