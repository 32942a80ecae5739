/** Buffers that are kept for later: more than a prefetch has in flight. */
const KEPT = 8;

/** Shared memory that batches take turns with; a batch of 32 faces takes 5 MB, which would else be garbage after every step. */
export class SharedBuffers {
  private readonly spare = new Set<SharedArrayBuffer>();

  /** A buffer of at least so many bytes. It holds what its last user left. */
  take(bytes: number): SharedArrayBuffer {
    for (const buffer of this.spare) {
      this.spare.delete(buffer);
      // Too small for the batches of now, and so for those to come.
      if (buffer.byteLength >= bytes) return buffer;
    }
    return new SharedArrayBuffer(bytes);
  }

  /** Once nobody reads or writes it any more; a second time changes nothing. */
  giveBack(buffer: SharedArrayBuffer): void {
    if (this.spare.size < KEPT) this.spare.add(buffer);
  }
}
