import type { FileHandle } from 'node:fs/promises';

// MXNet's RecordIO: uint32 magic, uint32 (part << 29 | length), payload, padding to 4 bytes. An image's payload is a header
// (uint32 flag, float32 label, uint64 id, uint64 id2), then `flag` float32 labels that replace the one of the header, then the
// encoded image. All numbers are little-endian.

const MAGIC = 0xced7230a;
const FRAME_BYTES = 8;
const HEADER_BYTES = 24;
/** Labels that are looked at; an image of more is no image of a class. */
const MAX_LABELS = 64;
const READ_BYTES = FRAME_BYTES + HEADER_BYTES + 4 * MAX_LABELS;

export type ImageRecord = {
  /** Whether labels follow the header; what record 0 tells its kind by. */
  readonly hasLabels: boolean;
  readonly labels: readonly number[];
  /** Of the payload behind header and labels, in the file. */
  readonly offset: number;
  readonly length: number;
};

/** Reads the heads of records, into one buffer. */
export class RecordReader {
  private readonly buffer = Buffer.alloc(READ_BYTES);

  /** @param size of the file in bytes */
  constructor(
    private readonly file: FileHandle,
    private readonly size: number,
  ) {}

  /** The head of the record at an offset, or why there is none. */
  async read(offset: number): Promise<ImageRecord | string> {
    if (offset + FRAME_BYTES + HEADER_BYTES > this.size)
      return `an offset of ${offset} in a file of ${this.size} bytes`;
    const { bytesRead } = await this.file.read(this.buffer, 0, READ_BYTES, offset);
    return parseRecord(this.buffer.subarray(0, bytesRead), offset, this.size);
  }
}

/** @param head the file's bytes from the offset on, as many as there are up to 288 */
export function parseRecord(head: Buffer, offset: number, size: number): ImageRecord | string {
  if (head.length < FRAME_BYTES + HEADER_BYTES) return 'a record that is cut short';
  if (head.readUInt32LE(0) !== MAGIC) return `no record at offset ${offset}`;
  const frame = head.readUInt32LE(4);
  if (frame >>> 29 !== 0) return 'a record in several parts, which is not read';
  const payloadBytes = frame & 0x1fff_ffff;
  if (offset + FRAME_BYTES + payloadBytes > size) return "a record that runs beyond the file's end";
  const flag = head.readUInt32LE(FRAME_BYTES);
  if (flag > MAX_LABELS) return `a record of ${flag} labels`;
  const headBytes = HEADER_BYTES + 4 * flag;
  if (payloadBytes < headBytes) return 'a record shorter than its header';
  const at = FRAME_BYTES + HEADER_BYTES;
  const labels =
    flag === 0
      ? [head.readFloatLE(FRAME_BYTES + 4)]
      : Array.from({ length: flag }, (_, i) => head.readFloatLE(at + 4 * i));
  return {
    hasLabels: flag > 0,
    labels,
    offset: offset + FRAME_BYTES + headBytes,
    length: payloadBytes - headBytes,
  };
}
