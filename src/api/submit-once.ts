import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { v7 as uuidV7 } from 'uuid';
import { IdempotencyKeys } from '../jobs/idempotency-keys.js';
import type { JobRecord } from '../jobs/job-record.js';
import type { ApiContext } from './api-context.js';
import { Problem } from './problem.js';
import { type Submission, submit } from './submission.js';

export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'Text of your choice. For 24 hours the same key with the same request answers with the job that it made, and makes no ' +
        'other. With another request it is refused (422), and while the first one is being worked on too (409).',
      examples: ['3f0c6a52-6f0e-4a0e-9d0c-0c6f0d3d8a11'],
    }),
  ),
});

export type Accepted = {
  readonly job: JobRecord;
  /** 202 for a job that this request made, or made before; 200 for another's that the deduplication key names. */
  readonly status: 200 | 202;
  readonly isReplayed: boolean;
};

/** Submits what the request asks for, once for each idempotency key. @throws Problem 409, 422 and as `submit` does */
export async function submitOnce(
  context: ApiContext,
  request: FastifyRequest,
  toSubmission: () => Promise<Submission> | Submission,
): Promise<Accepted> {
  const id = uuidV7();
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return accept(context, request, await toSubmission(), id);
  const keys = new IdempotencyKeys(context.redis, request.caller.owner, context.queuePrefix);
  const entry = await keys.claim(key, fingerprintOf(request), id);
  if (entry.fingerprint !== fingerprintOf(request)) {
    const detail = 'Expected the request that this idempotency key came with first, found another one.';
    throw new Problem(422, 'idempotency-key-reused', detail);
  }
  const made = await context.store.get(entry.jobId);
  if (made !== null) return { job: made, status: 202, isReplayed: true };
  if (entry.isDone) {
    const detail = 'Expected a key whose job is there, found one whose job has been deleted.';
    throw new Problem(409, 'idempotency-key-spent', detail);
  }
  const unlock = await keys.lock(key);
  if (unlock === null) {
    const detail = 'Expected a key at rest, found a request with the same one being worked on.';
    throw new Problem(409, 'idempotency-key-in-flight', detail, { headers: { 'retry-after': '1' } });
  }
  try {
    const accepted = await accept(context, request, await toSubmission(), entry.jobId);
    await keys.settle(key, { ...entry, jobId: accepted.job.id, isDone: true });
    return accepted;
  } catch (error) {
    // Refused, so nothing was made: the client may send a better request with the same key.
    if (error instanceof Problem && error.statusCode < 500) await keys.release(key);
    throw error;
  } finally {
    await unlock();
  }
}

async function accept(
  context: ApiContext,
  request: FastifyRequest,
  submission: Submission,
  id: string,
): Promise<Accepted> {
  const job = await submit(context, { ...submission, id }, request);
  return { job, status: job.id === id ? 202 : 200, isReplayed: false };
}

/** Equal for requests that mean the same: the body's defaults are filled in, and the order of its fields does not count. */
function fingerprintOf(request: FastifyRequest): string {
  const text = `${request.method} ${request.url}\n${canonicalJson(request.body ?? null)}`;
  return createHash('sha256').update(text).digest('hex');
}

export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
