import { type Static, Type } from 'typebox';
import { JobOptions } from '../jobs/job-options.js';
import { EvaluateRequest, InspectRequest, TrainingSettings, TrainRequest } from '../jobs/requests.js';
import { asInput } from './input-schema.js';

const closed = { additionalProperties: false } as const;
const options = {
  ...asInput(JobOptions),
  default: {},
  description: 'How the job is run.',
} as typeof JobOptions;

const { model: _named, ...evaluateFields } = EvaluateRequest.properties;
const FollowingEvaluation = Type.Object(evaluateFields, closed);

/** The body of POST /jobs/train: the training, how it is run, and an evaluation that may follow it. */
export const TrainBody = Type.Object(
  {
    ...TrainRequest.properties,
    options,
    evaluate: Type.Optional({
      ...asInput(FollowingEvaluation),
      description:
        'An evaluation of the model once it is there, as a second job: see `dependants`. It fails with `dependency_failed` if the ' +
        'training does not succeed.',
    } as typeof FollowingEvaluation),
  },
  closed,
);
export type TrainBody = Static<typeof TrainBody>;

/** The body of POST /jobs/evaluate. */
export const EvaluateBody = Type.Object({ ...EvaluateRequest.properties, options }, closed);
export type EvaluateBody = Static<typeof EvaluateBody>;

/** The body of POST /datasets/inspect. */
export const InspectBody = Type.Object(
  {
    ...InspectRequest.properties,
    training: Type.Optional(asInput(TrainingSettings)),
    options,
  },
  closed,
);
export type InspectBody = Static<typeof InspectBody>;
