import type { JobKind, JobState } from './job-record.js';

/** The prefix of every Redis key of this service, unless the configuration names another. */
export const DEFAULT_PREFIX = 'arcqueue';

/** What a listing is narrowed to. */
export type JobFilter = { readonly kind?: JobKind; readonly state?: JobState; readonly owner?: string };

export const recordKey = (prefix: string, id: string) => `${prefix}:job:${id}`;
export const transitionsKey = (prefix: string, id: string) => `${prefix}:job:${id}:transitions`;
/** Says that a job has a new event; what it says is in the streams. */
export const eventSignalChannel = (prefix: string, id: string) => `${prefix}:signal:${id}`;
export const eventStreamKey = (prefix: string, id: string, stream: string) =>
  `${prefix}:job:${id}:events:${stream}`;
export const controlChannel = (prefix: string) => `${prefix}:control`;
export const queuePrefix = (prefix: string) => `${prefix}:bull`;

/** The sorted set that holds the ids matching `filter`; `*` stands for any. The Lua scripts build the same names. */
export const indexKey = (prefix: string, filter: JobFilter) =>
  `${prefix}${filter.owner === undefined ? '' : `:owner:${filter.owner}`}:index:${filter.kind ?? '*'}:${filter.state ?? '*'}`;
