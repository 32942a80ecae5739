import { Type } from 'typebox';

/** When a training keeps what it needs to go on after it was stopped, beside the end of each epoch. */
export const checkpointFields = {
  checkpointEverySteps: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: 'Steps between two checkpoints, whatever they cost. Left out: only the time counts.',
    }),
  ),
  checkpointEverySeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 86_400,
      description:
        'Seconds between two checkpoints, in which training waits for them for less than 5 % of the time. Left out: 30.',
    }),
  ),
};
