import { Type } from 'typebox';
import { EpochMetrics, JOB_KINDS, JOB_STATES } from '../../jobs/job-record.js';
import type { Api, ApiContext } from '../api-context.js';
import { etagOf, matchesEtag } from '../etag.js';
import { findJob } from '../find-job.js';
import { asInput } from '../input-schema.js';
import { JobRef } from '../job-view.js';
import { isAdmin } from '../keys/caller.js';
import { JobParams, json, problems } from '../responses.js';
import { showJob, showJobs } from '../show-job.js';

const ListQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum([...JOB_STATES])),
    kind: Type.Optional(Type.Enum([...JOB_KINDS])),
    after: Type.Optional(
      Type.String({ format: 'uuid', description: "The `nextCursor` of the page before this one's." }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  },
  { additionalProperties: false },
);

const JobList = Type.Object({
  jobs: Type.Array(JobRef),
  nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page.' }),
});

const STEP_COLUMNS = ['step', 'loss', 'accuracy', 'learningRate'];
const MetricsView = Type.Object({
  jobId: Type.String(),
  attempt: Type.Integer({ description: 'The attempt that these figures are of.' }),
  isTruncated: Type.Boolean({
    description:
      'Whether the oldest steps are no longer kept here; the artifact `metrics.jsonl` has them all.',
  }),
  steps: Type.Object({
    columns: Type.Array(Type.String(), { examples: [STEP_COLUMNS] }),
    rows: Type.Array(Type.Array(Type.Number()), { description: 'One row per training step.' }),
  }),
  epochs: Type.Array(EpochMetrics),
});

export function readJobRoutes(app: Api, context: ApiContext): void {
  const { store } = context;
  app.get(
    '/jobs',
    {
      schema: {
        tags: ['jobs'],
        summary: 'List jobs, newest first',
        description: "One's own; with the scope `admin` everyone's.",
        querystring: asInput(ListQuery),
        response: { 200: json(JobList, 'A page of jobs.'), ...problems(400, 500, 503) },
      },
    },
    async (request) => {
      const { jobs, nextCursor } = await store.list({
        ...request.query,
        ...(isAdmin(request.caller) ? {} : { owner: request.caller.owner }),
      });
      return { jobs: await showJobs(context, jobs), nextCursor };
    },
  );

  app.get(
    '/jobs/:id',
    {
      schema: {
        tags: ['jobs'],
        summary: 'One job',
        params: JobParams,
        headers: Type.Object({ 'if-none-match': Type.Optional(Type.String()) }),
        response: {
          200: json(JobRef, 'The job.', { ETag: { type: 'string', description: 'Changes with the job.' } }),
          304: { type: 'null', description: 'The job is as the ETag in If-None-Match says.' },
          ...problems(400, 404, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const view = await showJob(context, await findJob(store, request.params.id, request.caller));
      const etag = etagOf(view);
      reply.header('etag', etag).header('cache-control', 'private, no-cache');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send(null);
      return reply.send(view);
    },
  );

  app.get(
    '/jobs/:id/metrics',
    {
      schema: {
        tags: ['jobs'],
        summary: "A job's whole history of metrics",
        params: JobParams,
        response: { 200: json(MetricsView, 'Per step and per epoch.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const job = await findJob(store, request.params.id, request.caller);
      const { steps, epochs, isTruncated } = await store.readMetrics(job.id);
      const rows = steps.map((row) => [...row]);
      const columns = STEP_COLUMNS;
      return { jobId: job.id, attempt: job.attempt, isTruncated, steps: { columns, rows }, epochs };
    },
  );
}
