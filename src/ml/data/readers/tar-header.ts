import { posix } from 'node:path';

// A tar file is a row of 512-byte headers, each followed by its data, padded to 512 bytes (POSIX.1-2001, pax, and GNU's forms).

export const BLOCK_BYTES = 512;
const CHECKSUM = { start: 148, end: 156 };

export type TarHeader = {
  readonly name: string;
  /** Of the data, in bytes. */
  readonly size: number;
  /** As one character: 0 is a file. */
  readonly type: string;
};

/** What a header says; null for a block of zeros, which ends the file. @throws Error for a block that is no header */
export function parseHeader(block: Buffer): TarHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  const written = Number.parseInt(textOf(block, CHECKSUM.start, CHECKSUM.end), 8);
  const sum = block.reduce(
    (total, byte, i) => total + (i >= CHECKSUM.start && i < CHECKSUM.end ? 0x20 : byte),
    0,
  );
  if (written !== sum) throw new Error('expected a header with its checksum; found none');
  const size = toSize(block.subarray(124, 136));
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textOf(block, 345, 500) : '';
  const name = textOf(block, 0, 100);
  const type = String.fromCharCode(block[156] ?? 0).replace('\0', '0');
  return { name: prefix === '' ? name : `${prefix}/${name}`, size, type };
}

/** Octal digits, or GNU's big-endian number behind a set first bit. */
function toSize(field: Buffer): number {
  const size =
    ((field[0] ?? 0) & 0x80) !== 0
      ? field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
      : Number.parseInt(field.toString('latin1').replaceAll('\0', ' ').trim() || '0', 8);
  if (Number.isFinite(size) && size >= 0) return size;
  throw new Error('expected a size; found none');
}

function textOf(block: Buffer, start: number, end: number): string {
  const text = block.subarray(start, end);
  const stop = text.indexOf(0);
  return text.toString('utf8', 0, stop === -1 ? text.length : stop);
}

/** The records of a pax header: lines of "length key=value". */
export function parsePax(data: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, Math.max(at, space)));
    if (space === -1 || !Number.isInteger(length) || length <= space - at || at + length > data.length)
      throw new Error('expected a pax record; found none');
    const text = data.toString('utf8', space + 1, at + length - 1);
    const equals = text.indexOf('=');
    records.set(text.slice(0, equals), text.slice(equals + 1));
    at += length;
  }
  return records;
}

/** Why an entry is no file that may be read; null when it is one. */
export function whyNotEntry(name: string, type: string): string | null {
  if (type === '1' || type === '2') return 'a link';
  if (type === 'S') return 'a sparse file';
  if (type !== '0' && type !== '7') return 'neither a file nor a folder';
  if (/\p{Cc}/u.test(name) || name.includes('\\')) return 'a name with a character that no path may hold';
  if (posix.isAbsolute(name)) return 'an absolute name';
  return name.split('/').includes('..') ? 'a name that steps up with ".."' : null;
}
