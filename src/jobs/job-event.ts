import { type Static, Type } from 'typebox';

/**
 * The streams of a job, each with the number of entries that it keeps. What a talkative job evicts is the oldest of the
 * same stream: never a transition or an epoch, and no log line for the sake of progress. Redis trims whole blocks, so
 * that a stream may hold about a hundred entries more.
 */
export const EVENT_STREAMS = { kept: null, steps: 20_000, logs: 5_000, progress: 200 } as const;
export type EventStream = keyof typeof EVENT_STREAMS;

/** Which stream carries which type of event. */
const STREAM_OF = {
  transition: 'kept',
  epoch: 'kept',
  guard: 'kept',
  resumed: 'kept',
  steps: 'steps',
  progress: 'progress',
  log: 'logs',
  warning: 'logs',
} as const satisfies Record<string, EventStream>;
export type EventType = keyof typeof STREAM_OF;
export const EVENT_TYPES = Object.keys(STREAM_OF) as EventType[];

export function streamOf(type: EventType): EventStream {
  return STREAM_OF[type];
}

/** One thing that happened to a job. `seq` counts up from 1 without a gap over all of the job's events. */
export type JobEvent = {
  readonly seq: number;
  readonly type: EventType;
  readonly at: string;
  /** The attempt that wrote it; 0 before the first. */
  readonly attempt: number;
  readonly data: unknown;
};

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** A line of a job's log, as its trainer wrote it. */
export const LogLine = Type.Object({
  level: Type.Enum([...LOG_LEVELS]),
  message: Type.String(),
});
export type LogLine = Static<typeof LogLine>;

/** An entry of a Redis stream: its id, then name, value, name, value, ... */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** Reads an entry back. Only this service writes these streams, so the content is trusted to have its shape. */
export function toJobEvent([id, fields]: StreamEntry): JobEvent {
  const [, type, , at, , attempt, , data] = fields;
  return {
    seq: Number.parseInt(id, 10),
    type: type as EventType,
    at: at ?? '',
    attempt: Number(attempt),
    data: JSON.parse(data ?? 'null'),
  };
}

/**
 * Brings pages of several streams, each read from the same place on and up to `pageSize` entries, into one order.
 * Beyond the end of a full page its stream may hold more, so what the others have past that point has to wait.
 */
export function mergePages(pages: readonly (readonly StreamEntry[])[], pageSize: number): JobEvent[] {
  const streams = pages.map((page) => page.map(toJobEvent));
  const bound = Math.min(
    ...streams.map((events) => (events.length < pageSize ? Infinity : (events.at(-1)?.seq ?? Infinity))),
  );
  return streams
    .flat()
    .filter(({ seq }) => seq <= bound)
    .sort((a, b) => a.seq - b.seq);
}
