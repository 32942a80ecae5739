import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceError } from '../../inference/inference-error.js';
import { InferencePool } from '../../inference/inference-pool.js';
import type { InferenceAnswer, InferenceTask } from '../../inference/messages.js';
import type { Api, ApiContext } from '../api-context.js';
import { Problem } from '../problem.js';

const RETRY_AFTER_SECONDS = '1';

/** The processes that run networks for this API; they end with it. */
export function openInference(app: Api, context: ApiContext): InferencePool {
  const pool = new InferencePool({
    processes: context.inferenceProcesses ?? 1,
    threads: context.inferenceThreads ?? 0,
    queueLimit: context.inferenceQueue ?? 64,
    modelsKept: context.inferenceModels ?? 4,
  });
  app.addHook('onClose', () => pool.close());
  return pool;
}

/**
 * Runs a task for a request; a client that leaves takes it back.
 * @throws Problem 400 for an image that cannot be read, 503 when too many wait or the process ended
 */
export async function runInference(
  pool: InferencePool,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  task: InferenceTask,
): Promise<InferenceAnswer> {
  const left = new AbortController();
  const onClose = () => left.abort(new Problem(499, 'client-left', 'The client left before the answer.'));
  reply.raw.once('close', onClose);
  try {
    return await pool.run(task, left.signal);
  } catch (error) {
    throw error instanceof InferenceError ? toProblem(error, request) : error;
  } finally {
    reply.raw.off('close', onClose);
  }
}

function toProblem(error: InferenceError, request: FastifyRequest): Problem {
  const { code, fault, message } = error;
  const name = code.replaceAll('_', '-');
  if (fault === 'user' || fault === 'data') return new Problem(400, name, message);
  request.log.error({ err: error }, 'inference failed');
  const headers = { 'retry-after': RETRY_AFTER_SECONDS };
  if (fault === 'busy' || fault === 'lost') return new Problem(503, name, message, { headers });
  return new Problem(500, name, 'The service could not run the model; its log says why.');
}
