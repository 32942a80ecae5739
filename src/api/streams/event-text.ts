import type { JobEvent } from '../../jobs/job-event.js';

/** The first thing on every stream: how long a client waits before it comes back. It also sends the headers off. */
export const SSE_PREAMBLE = 'retry: 2000\n\n';
/** A comment, which clients skip. */
export const SSE_HEARTBEAT = ': heartbeat\n\n';

/**
 * Events as text/event-stream. The numbers count up by one, so a jump is what the job's streams have evicted: it is told
 * as an event `evicted` without an id, so that a reader never takes a part for the whole.
 */
export function toSse(events: readonly JobEvent[], after: number): string {
  let text = '';
  let last = after;
  for (const { seq, type, at, attempt, data } of events) {
    const evicted = seq - last - 1;
    if (evicted > 0) text += `event: evicted\ndata: ${JSON.stringify({ count: evicted })}\n\n`;
    text += `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ at, attempt, data })}\n\n`;
    last = seq;
  }
  return text;
}

/** Log lines as NDJSON. */
export function toLogLines(events: readonly JobEvent[]): string {
  return events
    .map(({ seq, at, attempt, data }) => `${JSON.stringify({ seq, at, attempt, ...(data as object) })}\n`)
    .join('');
}
