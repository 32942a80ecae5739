import { Type } from 'typebox';
import type { Api, ApiContext } from '../api-context.js';
import { redisUnavailable } from '../errors.js';
import { json, problems } from '../responses.js';

/** Longest wait for Redis's answer before this instance calls itself not ready. */
const PING_TIMEOUT_MS = 1000;

export function healthRoutes(app: Api, { redis }: ApiContext): void {
  app.get(
    '/healthz',
    {
      config: { scope: null },
      schema: {
        tags: ['health'],
        summary: 'Whether the process answers',
        response: { 200: json(Type.Object({ status: Type.Literal('ok') }), 'It does.') },
      },
    },
    () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      config: { scope: null },
      schema: {
        tags: ['health'],
        summary: 'Whether jobs can be accepted',
        response: {
          200: json(Type.Object({ status: Type.Literal('ready') }), 'Redis answers.'),
          ...problems(503),
        },
      },
    },
    async () => {
      const pong = redis.ping().then(
        () => true,
        () => false,
      );
      const late = new Promise<false>((resolve) => setTimeout(resolve, PING_TIMEOUT_MS, false).unref());
      if (!(await Promise.race([pong, late]))) throw redisUnavailable();
      return { status: 'ready' as const };
    },
  );
}
