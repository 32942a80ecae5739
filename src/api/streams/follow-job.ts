import type { EventSignals } from '../../jobs/event-signals.js';
import type { EventStream, JobEvent } from '../../jobs/job-event.js';
import { TERMINAL_STATES } from '../../jobs/job-state.js';
import type { JobStore } from '../../jobs/job-store.js';
import { isRedisUnavailable } from '../redis-unavailable.js';

/** Events that one read takes from each stream: with the socket's buffer, all that a slow reader can hold. */
const PAGE = 100;

export type FollowOptions = {
  readonly id: string;
  /** Number of the last event that the reader has. */
  readonly after: number;
  /** All of them when left out. */
  readonly streams?: readonly EventStream[];
  /** After this time without an event an empty page is given, which the reader sends as a sign of life. */
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
};

/**
 * The job's events from `after` on, page by page as the reader takes them, until the job is over and all are given. Nothing is
 * read ahead. While Redis is away it goes on with empty pages, and then from where it was.
 */
export async function* followJob(
  store: Pick<JobStore, 'readEvents'>,
  signals: EventSignals,
  { id, after, streams, heartbeatMs, signal }: FollowOptions,
): AsyncGenerator<readonly JobEvent[]> {
  const bell = new Bell(signal);
  // Before the first read, so that nothing falls between the two.
  const unlisten = signals.listen(id, () => bell.ring());
  const query = { limit: PAGE, ...(streams ? { streams } : {}) };
  let last = after;
  try {
    while (!signal.aborted) {
      bell.reset();
      const page = await store.readEvents(id, { ...query, after: last }).catch(toUnread);
      if (page === null) return;
      if (page !== 'unread' && page.events.length > 0) {
        yield page.events;
        last = page.events.at(-1)?.seq ?? last;
        continue;
      }
      if (page !== 'unread' && TERMINAL_STATES.includes(page.state)) return;
      if (!(await bell.heard(heartbeatMs)) && !signal.aborted) yield [];
    }
  } finally {
    unlisten();
  }
}

function toUnread(error: unknown): 'unread' {
  if (isRedisUnavailable(error)) return 'unread';
  throw error;
}

/** Remembers a ring that came while nobody waited. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.ring(), { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  reset(): void {
    this.#rung = false;
  }

  /** Whether it rings within the time. */
  heard(timeoutMs: number): Promise<boolean> {
    if (this.#rung) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (heard: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(heard);
      };
      const timer = setTimeout(end, timeoutMs, false);
      this.#wake = () => end(true);
    });
  }
}
