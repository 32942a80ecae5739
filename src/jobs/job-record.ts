import { type Static, Type } from 'typebox';
import { JobOptions } from './job-options.js';
import { EvaluateRequest, InspectRequest, TrainRequest } from './requests.js';

export const JOB_KINDS = ['train', 'evaluate', 'inspect'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export const JOB_STATES = [
  'queued',
  'starting',
  'running',
  'pausing',
  'paused',
  'stalled',
  'finalizing',
  'succeeded',
  'cancelling',
  'cancelled',
  'failed',
] as const;
export type JobState = (typeof JOB_STATES)[number];

export const Transition = Type.Object({
  state: Type.Enum([...JOB_STATES]),
  at: Type.String({ format: 'date-time' }),
  cause: Type.String({ description: 'Why the job entered this state.' }),
  actor: Type.String({
    description: 'Who moved it: `client`, `service`, `reconciler`, or `worker` with its id.',
    examples: ['client', 'worker gpu-3-4121'],
  }),
});
export type Transition = Static<typeof Transition>;

export const Progress = Type.Object({
  epoch: Type.Integer({ description: 'Current epoch, from 1.' }),
  epochs: Type.Integer(),
  step: Type.Integer({ description: 'Steps done in the whole job.' }),
  steps: Type.Integer({ description: 'Steps in the whole job.' }),
  percent: Type.Number(),
  imagesPerSecond: Type.Number(),
  secondsLeft: Type.Union([Type.Number(), Type.Null()]),
});
export type Progress = Static<typeof Progress>;

/** Latest figures, by name: loss, accuracy, learningRate, validationAccuracy, ... */
export const LatestMetrics = Type.Record(Type.String(), Type.Number());
export type LatestMetrics = Static<typeof LatestMetrics>;

export const JobErrorShape = Type.Object({
  code: Type.String(),
  fault: Type.Enum(['user', 'data', 'infrastructure']),
  retryable: Type.Boolean(),
  message: Type.String({ description: 'What was expected and what was found.' }),
});

/** One row per training step: [step, loss, accuracy, learningRate]. Accuracy is of the batch, from the logits without margin. */
export type StepMetrics = readonly [step: number, loss: number, accuracy: number, learningRate: number];

export const EpochMetrics = Type.Object({
  epoch: Type.Integer(),
  step: Type.Integer(),
  loss: Type.Number(),
  accuracy: Type.Number(),
  learningRate: Type.Number(),
  imagesPerSecond: Type.Number(),
  validationLoss: Type.Optional(Type.Number()),
  validationAccuracy: Type.Optional(Type.Number()),
});
export type EpochMetrics = Static<typeof EpochMetrics>;

export const JobOrigin = Type.Object({
  jobId: Type.String({ description: 'The job that this one repeats.' }),
  how: Type.Enum(['retry', 'clone']),
  from: Type.Optional(
    Type.Literal('checkpoint', { description: 'It goes on from the last checkpoint of that job.' }),
  ),
});
export type JobOrigin = Static<typeof JobOrigin>;

const common = {
  id: Type.String(),
  owner: Type.String({
    description: 'Owner of the key that made the job; `local` where none was asked for.',
  }),
  state: Type.Enum([...JOB_STATES]),
  attempt: Type.Integer({ description: 'Starts of this job so far; an older attempt can write nothing.' }),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
  transitions: Type.Array(Transition),
  progress: Type.Union([Progress, Type.Null()]),
  metrics: LatestMetrics,
  error: Type.Union([JobErrorShape, Type.Null()]),
  options: JobOptions,
  origin: Type.Union([JobOrigin, Type.Null()]),
  dependsOn: Type.Union([Type.String(), Type.Null()], {
    description: 'The job that has to succeed before this one starts.',
  }),
  dependants: Type.Array(Type.String(), { description: 'The jobs that wait for this one to succeed.' }),
  result: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
};

export const TrainJob = Type.Object({ kind: Type.Literal('train'), request: TrainRequest, ...common });
export const EvaluateJob = Type.Object({
  kind: Type.Literal('evaluate'),
  request: EvaluateRequest,
  ...common,
});
export const InspectJob = Type.Object({
  kind: Type.Literal('inspect'),
  request: InspectRequest,
  ...common,
});
export const JobRecord = Type.Union([TrainJob, EvaluateJob, InspectJob]);
export type TrainJob = Static<typeof TrainJob>;
export type EvaluateJob = Static<typeof EvaluateJob>;
export type InspectJob = Static<typeof InspectJob>;
export type JobRecord = Static<typeof JobRecord>;
