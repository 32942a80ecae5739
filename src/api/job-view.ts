import { type Static, Type } from 'typebox';
import { EvaluateJob, InspectJob, type JobRecord, TrainJob } from '../jobs/job-record.js';
import { WaitingFor } from '../jobs/waiting-for.js';

const Links = Type.Object({
  self: Type.String(),
  metrics: Type.String(),
  events: Type.String(),
  logs: Type.String(),
  artifacts: Type.String(),
  clone: Type.String(),
  retry: Type.String(),
  cancel: Type.String(),
});

const WaitingOrNot = Type.Union([WaitingFor, Type.Null()], { description: 'What a queued job waits for.' });

/** A job as clients see it: its record, what it waits for, and the addresses of what belongs to it. Every field is always there. */
export const JobView = Type.Union(
  [
    Type.Object({ ...TrainJob.properties, waitingFor: WaitingOrNot, links: Links }, { title: 'TrainJob' }),
    Type.Object(
      { ...EvaluateJob.properties, waitingFor: WaitingOrNot, links: Links },
      { title: 'EvaluateJob' },
    ),
    Type.Object(
      { ...InspectJob.properties, waitingFor: WaitingOrNot, links: Links },
      { title: 'InspectJob' },
    ),
  ],
  { $id: 'Job' },
);
export type JobView = Static<typeof JobView>;

/** Refers to `JobView` by its `$id`, so that the OpenAPI document spells it out once. */
export const JobRef = Type.Unsafe<JobView>({ $ref: 'Job#' });

export function toJobView(job: JobRecord, waitingFor: WaitingFor | null): JobView {
  const self = `/jobs/${job.id}`;
  return {
    ...job,
    waitingFor,
    links: {
      self,
      metrics: `${self}/metrics`,
      events: `${self}/events`,
      logs: `${self}/logs`,
      artifacts: `${self}/artifacts`,
      clone: `${self}/clone`,
      retry: `${self}/retry`,
      cancel: `${self}/cancel`,
    },
  };
}
