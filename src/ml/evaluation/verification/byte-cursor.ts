import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const WINDOW = 64 * 1024;

/** Reads a file forward through a small window, so that a container of any size takes no memory. */
export class ByteCursor {
  readonly size: number;
  private readonly file: number;
  private readonly window = Buffer.alloc(WINDOW);
  private start = 0;
  private filled = 0;
  private at = 0;

  constructor(path: string) {
    this.file = openSync(path, 'r');
    this.size = fstatSync(this.file).size;
  }

  /** Bytes from the start of the file. */
  get position(): number {
    return this.at;
  }

  /** The next bytes; valid until the next call. @throws RangeError at the end of the file */
  take(length: number): Buffer {
    if (length > WINDOW) throw new RangeError(`more than ${WINDOW} bytes at once`);
    if (this.at + length > this.size) throw new RangeError('the end of the file');
    if (this.at < this.start || this.at + length > this.start + this.filled) this.fill();
    if (this.at + length > this.start + this.filled) throw new RangeError('the end of the file');
    const from = this.at - this.start;
    this.at += length;
    return this.window.subarray(from, from + length);
  }

  /** Goes over bytes without reading them. @throws RangeError at the end of the file */
  skip(length: number): void {
    if (length > this.size - this.at) throw new RangeError('the end of the file');
    this.at += length;
  }

  /** Up to a line feed, which is consumed. @throws RangeError for a line longer than `limit` */
  takeLine(limit: number): string {
    const bytes: number[] = [];
    for (let byte = this.take(1)[0]; byte !== 0x0a; byte = this.take(1)[0]) {
      if (bytes.length === limit) throw new RangeError(`a line of more than ${limit} bytes`);
      bytes.push(byte as number);
    }
    return Buffer.from(bytes).toString('latin1');
  }

  close(): void {
    closeSync(this.file);
  }

  private fill(): void {
    this.start = this.at;
    this.filled = readSync(this.file, this.window, 0, WINDOW, this.at);
  }
}
