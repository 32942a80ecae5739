import type { ErrorObject } from 'ajv';
import type { JobRecord } from '../jobs/job-record.js';
import { EvaluateRequest, TrainRequest } from '../jobs/requests.js';
import { toFieldErrors } from './field-errors.js';
import { asInput } from './input-schema.js';
import { fieldsProblem } from './problem.js';
import type { Submission } from './submission.js';
import { validatorCompiler } from './validation.js';

const validators = {
  train: compile(asInput(TrainRequest)),
  evaluate: compile(asInput(EvaluateRequest)),
};

/** Changes to a request: each field replaces its own, and null takes it back to its default (RFC 7396). */
export type Changes = Readonly<Record<string, unknown>>;

/** A job's request with changes, checked as one that was sent anew. @throws Problem 400 that names each wrong field */
export function cloneRequest({ id, kind, request }: JobRecord, changes: Changes): Submission {
  const merged = mergeChanges(request, changes);
  const validate = validators[kind];
  if (!validate(merged)) throw fieldsProblem(toFieldErrors(validate.errors ?? []));
  return { kind, request: merged, origin: { jobId: id, how: 'clone' } } as unknown as Submission;
}

/** RFC 7396, for objects. */
export function mergeChanges(original: Changes, changes: Changes): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...original };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete merged[name];
    else merged[name] = isObject(value) ? mergeChanges(toObject(merged[name]), value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Changes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toObject(value: unknown): Changes {
  return isObject(value) ? value : {};
}

function compile(schema: object) {
  const compiled = validatorCompiler({ schema, httpPart: 'body' } as never);
  return compiled as unknown as ((value: unknown) => boolean) & { errors?: ErrorObject[] };
}
