import type { ErrorObject } from 'ajv';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { toFieldErrors } from './field-errors.js';
import { PROBLEM_MEDIA_TYPE, Problem } from './problem.js';
import { isRedisUnavailable } from './redis-unavailable.js';

/** Seconds after which a client is told to try again when Redis is away. */
const RETRY_AFTER_SECONDS = '5';

const PARTS: Record<string, string> = {
  body: 'The body',
  querystring: 'The query string',
  params: 'The path',
  headers: 'The header',
};

/** Answers what Fastify refuses before any route, such as a name in the path that is too long. */
export function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  send(reply, toProblem(error, request));
}

/** Makes every error of the API a problem document, including those that no route raised. */
export const problemDocuments = fp(async (app: FastifyInstance) => {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error, request);
    if (problem.statusCode >= 500) request.log.error({ err: error }, 'request failed');
    return send(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const detail = `Expected a path and method of this API (see /docs), found ${request.method} ${pathOf(request)}.`;
    return send(reply, new Problem(404, 'no-such-route', detail));
  });
});

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  // A route may have described the content that it then could not send.
  return reply
    .code(problem.statusCode)
    .removeHeader('etag')
    .header('cache-control', 'no-store')
    .headers(problem.headers)
    .type(PROBLEM_MEDIA_TYPE)
    .serializer(JSON.stringify)
    .send(problem.toDocument());
}

/** Names what went wrong. Only messages made for clients leave the process: those of unknown errors are logged. */
export function toProblem(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error.validation !== undefined) {
    const errors = toFieldErrors(error.validation as ErrorObject[]);
    const part = PARTS[error.validationContext ?? ''] ?? 'The request';
    return new Problem(400, 'invalid-request', `${part} is not as expected.`, { errors });
  }
  if (isRedisUnavailable(error)) return redisUnavailable();
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const found = request.headers['content-type'];
      const what = found === undefined ? 'none' : JSON.stringify(found);
      return new Problem(
        415,
        'unsupported-media-type',
        `Expected the content type application/json, found ${what}.`,
      );
    }
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem(
        413,
        'body-too-large',
        `Expected a body of at most ${request.routeOptions.bodyLimit} bytes.`,
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new Problem(400, 'malformed-json', 'Expected a JSON body, found an empty one.');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem(400, 'malformed-json', `Expected a JSON body: ${error.message}`);
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new Problem(status, 'bad-request', error.message);
  return new Problem(500, 'internal', 'The service failed; its log says why.');
}

/** The answer while Redis cannot be used. */
export function redisUnavailable(): Problem {
  const headers = { 'retry-after': RETRY_AFTER_SECONDS };
  return new Problem(503, 'redis-unavailable', 'Expected a Redis that answers, found none.', { headers });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
