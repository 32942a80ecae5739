import { type Static, Type } from 'typebox';
import { Requirements } from './requirements.js';

/** How a job is run, as against what it computes. */
export const JobOptions = Type.Object(
  {
    priority: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 50,
      description:
        'Of two waiting jobs the one with the higher priority goes first; a running one is not interrupted.',
    }),
    startAfter: Type.Optional(
      Type.String({ format: 'date-time', description: 'The job does not start before this time.' }),
    ),
    maxRuntimeSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000,
        description:
          'Time that workers may hold the job, all attempts together; beyond it the job fails with `deadline_exceeded`.',
      }),
    ),
    attempts: Type.Integer({
      minimum: 1,
      maximum: 10,
      default: 3,
      description: 'Tries in all, where a failure is one that another try may cure.',
    }),
    backoffSeconds: Type.Number({
      minimum: 0,
      maximum: 3600,
      default: 2,
      description: 'Pause before the second try; each further one doubles it.',
    }),
    backoffJitter: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description:
        'Share of the pause that is left to chance, so that jobs that fail together do not return together.',
    }),
    requirements: Type.Optional(Requirements),
    deduplicationKey: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'While a job with this key is not over, a further one is not made: the answer is 200 with that job.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type JobOptions = Static<typeof JobOptions>;

/** The options of a job that was sent without any. */
export const DEFAULT_OPTIONS: JobOptions = {
  priority: 50,
  attempts: 3,
  backoffSeconds: 2,
  backoffJitter: 0.5,
};

/** What BullMQ needs to know of a job's options. `nowMs` is the time in milliseconds since 1970. */
export function toQueueOptions(options: JobOptions, nowMs: number) {
  const startMs = options.startAfter === undefined ? nowMs : Date.parse(options.startAfter);
  return {
    // BullMQ counts the other way round, and treats 0 as a class of its own before all others.
    priority: 101 - options.priority,
    delay: Math.max(0, startMs - nowMs),
    attempts: options.attempts,
    backoff: { type: 'exponential', delay: 1000 * options.backoffSeconds, jitter: options.backoffJitter },
  };
}
