import { LOCAL_OWNER } from './api-key.js';
import { DEFAULT_OPTIONS } from './job-options.js';
import type { JobRecord, Transition } from './job-record.js';

/** A job as Redis returns it: the hash as name, value, name, value, ... and the transitions as JSON. */
export type StoredJob = [fields: string[], transitions: string[]];

/** Reads a record back. Only this service writes these keys, so their content is trusted to have its shape. */
export function toJobRecord([flat, transitions]: StoredJob): JobRecord {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string);
  const json = (name: string, absent: unknown): unknown => {
    const value = fields.get(name);
    return value === undefined ? absent : JSON.parse(value);
  };
  return {
    id: fields.get('id'),
    kind: fields.get('kind'),
    owner: fields.get('owner') ?? LOCAL_OWNER,
    state: fields.get('state'),
    attempt: Number(fields.get('attempt')),
    createdAt: fields.get('createdAt'),
    updatedAt: fields.get('updatedAt'),
    request: json('request', null),
    transitions: transitions.map((entry) => JSON.parse(entry) as Transition),
    progress: json('progress', null),
    metrics: json('metrics', {}),
    error: json('error', null),
    options: json('options', DEFAULT_OPTIONS),
    origin: json('origin', null),
    dependsOn: json('dependsOn', null),
    dependants: json('dependants', []),
    result: json('result', null),
  } as JobRecord;
}
