import { type TSchema, Type } from 'typebox';
import { PROBLEM_MEDIA_TYPE, ProblemRef } from './problem.js';

const DESCRIPTIONS = {
  400: 'The request is malformed; `errors` names each field, what was expected and what was found.',
  401: 'A key is asked for, and there is none or an unknown one; WWW-Authenticate says how to send it.',
  403: 'The key lacks the scope that WWW-Authenticate names.',
  404: "There is no such thing, or it is another's.",

  409: 'The state of the job forbids it.',
  413: 'The body is larger than allowed: 64 KiB unless MAX_BODY_BYTES says otherwise.',
  421: 'No key is asked for, and the Host header does not name the loopback.',
  422: 'The idempotency key came with another request before.',
  414: 'A name in the path is longer than any is.',
  415: 'The body is not application/json.',
  429: 'Too many requests, or too many queued jobs; try again after the seconds in Retry-After.',
  500: 'The service failed.',
  503: 'Redis cannot be used now, or too many streams are open; try again after the seconds in Retry-After.',
  507: 'The artifact volume is too full for another job.',
} as const;
type ProblemStatus = keyof typeof DESCRIPTIONS;

const retryAfter = { headers: { 'Retry-After': { type: 'string', description: 'Seconds to wait.' } } };

const challenge = {
  headers: { 'WWW-Authenticate': { type: 'string', description: 'What to send (RFC 6750).' } },
};

/** The documentation of the problem documents that a route can answer with. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const entry = (status: S) => ({
    description: DESCRIPTIONS[status],
    ...(status === 503 || status === 429 ? retryAfter : {}),
    ...(status === 401 || status === 403 ? challenge : {}),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: ProblemRef } },
  });
  return Object.fromEntries(statuses.map((status) => [status, entry(status)])) as {
    [K in S]: ReturnType<typeof entry>;
  };
}

/** The documentation of a JSON answer. `headers` are given by name as JSON schemas. */
export function json<T extends TSchema>(schema: T, description: string, headers?: Record<string, object>) {
  return { description, ...(headers ? { headers } : {}), content: { 'application/json': { schema } } };
}

/** The documentation of the answer to a job that was accepted. */
export function acceptedJob<T extends TSchema>(schema: T) {
  const headers = {
    Location: { type: 'string', description: 'Address of the job.' },
    'Idempotency-Replayed': {
      type: 'string',
      description: '`true` when the idempotency key had made the job before.',
    },
  };
  return {
    200: json(schema, 'A job with the same deduplication key, which is not over.', headers),
    202: json(schema, 'The job was accepted and waits for a worker.', headers),
  };
}

/** The documentation of an answer that is streamed as text. */
export function text(mediaType: string, description: string, example: string) {
  return { description, content: { [mediaType]: { schema: Type.String(), example } } };
}

/** The path parameter of every route below a job. */
export const JobParams = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9-]+$', description: 'Id of the job.' }),
});
