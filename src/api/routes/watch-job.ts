import { Type } from 'typebox';
import { EventSignals } from '../../jobs/event-signals.js';
import { TERMINAL_STATES } from '../../jobs/job-state.js';
import type { Api, ApiContext } from '../api-context.js';
import { findJob } from '../find-job.js';
import { asInput } from '../input-schema.js';
import { JobParams, problems, text } from '../responses.js';
import { SSE_HEARTBEAT, SSE_PREAMBLE, toLogLines, toSse } from '../streams/event-text.js';
import { followJob } from '../streams/follow-job.js';
import { OpenStreams } from '../streams/open-streams.js';

const HEARTBEAT_MS = 15_000;
const MAX_STREAMS = 1000;
/** The connection ends with its stream: kept open for another request, it would hold up the end of the process. */
const STREAM_HEADERS = { 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'close' };

const Seq = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const EventHeaders = Type.Object({
  'last-event-id': Type.Optional(
    Type.Integer({
      ...Seq,
      description: 'Number of the last event that the client has; 0 or none: from the first.',
    }),
  ),
});
const LogQuery = Type.Object(
  {
    after: Type.Integer({ ...Seq, default: 0, description: '`seq` of the last line that the client has.' }),
    follow: Type.Boolean({
      default: false,
      description: 'Stay until the job is over, and send lines as they come.',
    }),
  },
  { additionalProperties: false },
);

const SSE_EXAMPLE =
  'retry: 2000\n\nid: 4\nevent: transition\ndata: {"at":"2026-01-02T03:04:05.678Z","attempt":1,"data":{"state":"running",' +
  '"cause":"Its trainer runs on the cpu.","actor":"worker host-4121","at":"2026-01-02T03:04:05.678Z","from":"starting"}}\n\n';
const LOG_EXAMPLE =
  '{"seq":9,"at":"2026-01-02T03:04:05.678Z","attempt":1,"level":"warn","message":"Skipped red/3.png: not an image."}\n';

export function watchJobRoutes(app: Api, context: ApiContext): void {
  const { store, redis, queuePrefix, heartbeatMs = HEARTBEAT_MS, maxOpenStreams = MAX_STREAMS } = context;
  const signals = new EventSignals(redis, queuePrefix);
  const streams = new OpenStreams(maxOpenStreams);
  app.addHook('preClose', async () => streams.close());
  app.addHook('onClose', async () => signals.close());

  app.get(
    '/jobs/:id/events',
    {
      // Fastify would answer HEAD by reading the whole stream.
      exposeHeadRoute: false,
      schema: {
        tags: ['jobs'],
        summary: 'Watch a job',
        description:
          'Server-sent events: `transition`, `progress`, `steps` (rows of step, loss, accuracy, learning rate), `epoch`, `guard` (a training that went back to its last good state), `log` ' +
          'and `warning`. Ids count up by one. `Last-Event-ID` replays what came after, from any API process. What a talkative job ' +
          'has evicted is told as `evicted` with its count; transitions and epochs never are. The stream ends after the ' +
          'transition to a terminal state; a client that has that one already is answered 204, which tells it to stay away.',
        params: JobParams,
        headers: EventHeaders,
        response: {
          200: text('text/event-stream', 'The events, as they come.', SSE_EXAMPLE),
          204: { type: 'null', description: 'The job is over, and the client has all of its events.' },
          ...problems(400, 404, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const after = request.headers['last-event-id'] ?? 0;
      await findJob(store, id, request.caller);
      const seen = await store.readEvents(id, { after, limit: 1, streams: ['kept'] });
      if (seen !== null && TERMINAL_STATES.includes(seen.state) && seen.newest <= after) {
        return reply.code(204).send(null);
      }
      const body = streams.open(async function* (signal) {
        yield SSE_PREAMBLE;
        let last = after;
        for await (const events of followJob(store, signals, { id, after, heartbeatMs, signal })) {
          yield events.length === 0 ? SSE_HEARTBEAT : toSse(events, last);
          last = events.at(-1)?.seq ?? last;
        }
      });
      reply.headers(STREAM_HEADERS);
      return reply.type('text/event-stream').send(body as never);
    },
  );

  app.get(
    '/jobs/:id/logs',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['jobs'],
        summary: "A job's log",
        description:
          'One JSON object a line, oldest first: the newest 5,000 lines that the trainers of all attempts wrote. With `follow` an ' +
          'empty line comes now and then as a sign of life.',
        params: JobParams,
        querystring: asInput(LogQuery),
        response: {
          200: text('application/x-ndjson', 'The lines.', LOG_EXAMPLE),
          ...problems(400, 404, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { after, follow } = request.query;
      await findJob(store, id, request.caller);
      const body = streams.open(async function* (signal) {
        const options = { id, after, streams: ['logs'], heartbeatMs, signal } as const;
        const pages = follow ? followJob(store, signals, options) : readLogs(context, id, after);
        for await (const events of pages) yield events.length === 0 ? '\n' : toLogLines(events);
      });
      return reply
        .headers(STREAM_HEADERS)
        .type('application/x-ndjson')
        .send(body as never);
    },
  );
}

/** The lines that there are now. */
async function* readLogs({ store }: ApiContext, id: string, after: number) {
  let last = after;
  for (;;) {
    const page = await store.readEvents(id, { after: last, limit: 500, streams: ['logs'] });
    if (page === null || page.events.length === 0) return;
    yield page.events;
    last = page.events.at(-1)?.seq ?? last;
  }
}
