import type { Api, ApiContext } from '../api-context.js';
import { createServiceMetrics } from '../metrics/service-metrics.js';
import { problems, text } from '../responses.js';

const EXAMPLE =
  '# HELP arcqueue_jobs Jobs by kind and state.\n# TYPE arcqueue_jobs gauge\narcqueue_jobs{kind="train",state="running"} 1\n';
/** Answers that last as long as a client listens. */
const STREAMS: readonly string[] = ['/jobs/:id/events', '/jobs/:id/logs'];

/** Times every request of the routes registered after it, and serves what Prometheus reads. */
export function metricsRoute(app: Api, context: ApiContext): void {
  const { registry, httpSeconds } = createServiceMetrics(context);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    if (STREAMS.includes(route)) return;
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    httpSeconds.observe(labels, reply.elapsedTime / 1000);
  });
  app.addHook('onClose', async () => registry.clear());

  app.get(
    '/metrics',
    {
      schema: {
        tags: ['health'],
        summary: 'What Prometheus reads',
        description:
          'Jobs by kind and state, queue wait, workers and their images per second are those of the whole service; event-loop ' +
          'delay, memory and HTTP latencies those of this process.',
        response: { 200: text('text/plain', "Prometheus' text format.", EXAMPLE), ...problems(500, 503) },
      },
    },
    async (_request, reply) => reply.type(registry.contentType).send((await registry.metrics()) as never),
  );
}
