import { closeSync, openSync, readSync, writeSync } from 'node:fs';

let scratch = new Uint8Array(0);

/**
 * The pixels of one row; null when they cannot be read, so that the image is decoded instead.
 * @returns [size, size, 3], overwritten by the next call in this thread
 */
export function readRow(fd: number, row: number, imageSize: number): Uint8Array | null {
  const bytes = 3 * imageSize ** 2;
  if (scratch.length !== bytes) scratch = new Uint8Array(bytes);
  try {
    return readSync(fd, scratch, 0, bytes, row * bytes) === bytes ? scratch : null;
  } catch {
    return null;
  }
}

/** Writes rows one after another into an existing file. After an error it writes no more, and `close` says why. */
export class RowWriter {
  private fd: number | null = null;
  private error: string | null = null;

  constructor(
    path: string,
    private row: number,
  ) {
    this.attempt(() => {
      this.fd = openSync(path, 'r+');
    });
  }

  /** @param pixels null leaves the row as it is */
  next(pixels: Uint8Array | null): void {
    const row = this.row;
    this.row += 1;
    this.attempt((fd) => {
      for (let done = 0; pixels !== null && done < pixels.length; ) {
        done += writeSync(fd, pixels, done, pixels.length - done, row * pixels.length + done);
      }
    });
  }

  close(): string | null {
    if (this.fd !== null) closeSync(this.fd);
    return this.error;
  }

  private attempt(act: (fd: number) => void): void {
    if (this.error !== null) return;
    try {
      act(this.fd as number);
    } catch (error) {
      this.error = (error as Error).message;
    }
  }
}
