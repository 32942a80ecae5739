import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';

export type Received = { readonly id?: string; readonly event?: string; readonly data: string };

/** A reader of server-sent events that keeps what it hears, and can be told to stop reading. */
export class SseClient {
  readonly events: Received[] = [];
  readonly comments: string[] = [];
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  private buffer = '';

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.take(chunk));
    this.ended = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => {});
  }

  static open(url: string, lastEventId?: string): Promise<SseClient> {
    const headers = { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
    return new Promise((resolve, reject) => {
      const asked = request(url, { headers }, (response) => resolve(new SseClient(response)));
      asked.once('error', reject);
      asked.end();
    });
  }

  get status(): number | undefined {
    return this.response.statusCode;
  }

  get ids(): number[] {
    return this.events.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.response.destroy();
  }

  private take(chunk: string): void {
    const blocks = (this.buffer + chunk).split('\n\n');
    this.buffer = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const comment = fields.get('');
      const data = fields.get('data');
      if (comment !== undefined) this.comments.push(comment);
      if (data === undefined) continue;
      const [id, event] = [fields.get('id'), fields.get('event')];
      this.events.push({
        ...(id === undefined ? {} : { id }),
        ...(event === undefined ? {} : { event }),
        data,
      });
    }
  }
}
