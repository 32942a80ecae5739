import { Readable } from 'node:stream';
import { Problem } from '../problem.js';

/** The streams that this process has open. They hold little each, but each holds a socket. */
export class OpenStreams {
  readonly #open = new Set<AbortController>();
  #isClosing = false;

  constructor(private readonly limit: number) {}

  get count(): number {
    return this.#open.size;
  }

  /**
   * Makes a body of what `produce` gives; its signal is aborted when the client goes or the process stops.
   * @throws Problem 503 when the process stops, or has as many streams as it may
   */
  open(produce: (signal: AbortSignal) => AsyncIterable<string>): Readable {
    if (this.#isClosing || this.#open.size >= this.limit) {
      const detail = this.#isClosing
        ? 'Expected a process that stays, found one that stops.'
        : `Expected fewer than ${this.limit} open streams, found as many.`;
      throw new Problem(503, 'no-stream', detail, { headers: { 'retry-after': '2' } });
    }
    const controller = new AbortController();
    this.#open.add(controller);
    const stream = Readable.from(produce(controller.signal), { highWaterMark: 1 });
    stream.once('close', () => {
      controller.abort();
      this.#open.delete(controller);
    });
    return stream;
  }

  /** Ends all of them, so that none holds up the end of the process. */
  close(): void {
    this.#isClosing = true;
    for (const controller of this.#open) controller.abort();
  }
}
