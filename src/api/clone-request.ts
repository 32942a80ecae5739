import type { ErrorObject } from 'ajv';
import type { JobRecord } from '../jobs/job-record.js';
import { toFieldErrors } from './field-errors.js';
import { asInput } from './input-schema.js';
import { EvaluateBody, InspectBody, TrainBody } from './job-bodies.js';
import { fieldsProblem } from './problem.js';
import type { Submission } from './submission.js';
import { validatorCompiler } from './validation.js';

const validators = {
  train: compile(asInput(TrainBody)),
  evaluate: compile(asInput(EvaluateBody)),
  inspect: compile(asInput(InspectBody)),
};

/** Changes to a request: each field replaces its own, and null takes it back to its default (RFC 7396). */
export type Changes = Readonly<Record<string, unknown>>;

/** A job's request with changes, checked as one that was sent anew. @throws Problem 400 that names each wrong field */
export function cloneRequest({ id, kind, request, options }: JobRecord, changes: Changes): Submission {
  // With its key, the clone of a job that is not over would be that job itself.
  const { deduplicationKey: _own, ...kept } = options;
  const merged = mergeChanges({ ...request, options: kept }, changes);
  const validate = validators[kind];
  if (!validate(merged)) throw fieldsProblem(toFieldErrors(validate.errors ?? []));
  const { options: asked, evaluate, ...asRequest } = merged;
  const origin = { jobId: id, how: 'clone' };
  const following = evaluate === undefined ? {} : { evaluate };
  return { kind, request: asRequest, options: asked, origin, ...following } as unknown as Submission;
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
