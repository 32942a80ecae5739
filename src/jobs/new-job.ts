import { createHash } from 'node:crypto';
import { LOCAL_OWNER } from './api-key.js';
import { DEFAULT_OPTIONS, type JobOptions } from './job-options.js';
import type { JobOrigin, Transition } from './job-record.js';
import type { EvaluateRequest, InspectRequest, TrainRequest } from './requests.js';

/** What a record is made of. */
export type NewJob = {
  readonly id: string;
  /** Whose it is; left out, that of a service that asks for no keys. */
  readonly owner?: string;
  readonly options?: JobOptions;
  readonly origin?: JobOrigin | null;
  /** The job that has to succeed before this one is enqueued. */
  readonly dependsOn?: string;
  /** The jobs that wait for this one; they are created together with it. */
  readonly dependants?: readonly string[];
} & (
  | { readonly kind: 'train'; readonly request: TrainRequest }
  | { readonly kind: 'evaluate'; readonly request: EvaluateRequest }
  | { readonly kind: 'inspect'; readonly request: InspectRequest }
);

/** A new record as the Lua script takes it: its hash, and its first transition. */
export type StoredNewJob = {
  readonly id: string;
  readonly kind: string;
  readonly at: string;
  readonly transition: string;
  readonly fields: Readonly<Record<string, string>>;
};

export function toStored(job: NewJob, at: string, actor: string): StoredNewJob {
  const {
    id,
    kind,
    owner = LOCAL_OWNER,
    request,
    options = DEFAULT_OPTIONS,
    origin = null,
    dependsOn = null,
    dependants = [],
  } = job;
  const transition: Transition = { state: 'queued', at, cause: 'Submitted.', actor };
  const fields = {
    ...{ id, kind, owner, state: 'queued', attempt: '0', createdAt: at, updatedAt: at },
    request: JSON.stringify(request),
    options: JSON.stringify(options),
    origin: JSON.stringify(origin),
    dependsOn: JSON.stringify(dependsOn),
    dependants: JSON.stringify(dependants),
  };
  return { id, kind, at, transition: JSON.stringify(transition), fields };
}

/** Name, within the prefix, of the Redis key that an owner's deduplication key holds its job under; it may be any text. */
export function deduplicationName(owner: string = LOCAL_OWNER, key: string): string {
  return `deduplication:${createHash('sha256').update(`${owner}\n${key}`).digest('hex')}`;
}
