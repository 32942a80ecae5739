import { type Static, Type } from 'typebox';
import { dataFields } from './train-fields/data-fields.js';
import { exportFields } from './train-fields/export-fields.js';
import { lossFields } from './train-fields/loss-fields.js';
import { networkFields } from './train-fields/network-fields.js';
import { optimisationFields } from './train-fields/optimisation-fields.js';

const closed = { additionalProperties: false } as const;

/**
 * A dataset location: a folder under the configured dataset root, or a file of it that is a dataset (a manifest).
 * Whether it exists, and stays inside the root once links are followed, is checked when it is resolved.
 */
export const DatasetLocation = Type.String({
  minLength: 1,
  maxLength: 512,
  description:
    'Folder under the dataset root that holds one folder of images per class, or a manifest.csv or manifest.jsonl; or a ' +
    'file of it ending in .csv or .jsonl, which is a manifest.',
  examples: ['demo/train'],
});

/** Hyperparameters and dataset of a training job. `classCount epochs batchSize shuffle` are the original tool's. */
export const TrainRequest = Type.Object(
  {
    dataset: DatasetLocation,
    ...dataFields,
    ...networkFields,
    ...lossFields,
    ...optimisationFields,
    ...exportFields,
  },
  closed,
);
export type TrainRequest = Static<typeof TrainRequest>;

/** An evaluation of a trained model on a dataset. `batchSize threshold temperature classCount shuffle` are the original tool's. */
export const EvaluateRequest = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9-]+$',
      description:
        'Id of a model, which is the id of the training job that made it; `latest` is the newest that succeeded.',
    }),
    dataset: DatasetLocation,
    classCount: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 1_000_000, description: "Checked against the model's." }),
    ),
    split: Type.Optional(
      Type.Enum(['train', 'val', 'test'], {
        description: 'Only the images that the manifest puts in this part. Left out: all of them.',
      }),
    ),
    batchSize: Type.Integer({ minimum: 1, maximum: 4096, default: 5 }),
    threshold: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.9,
      description:
        'A prediction counts as correct only at this confidence (softmax output) or above; 0 turns it off.',
    }),
    temperature: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1000,
      default: 5,
      description: 'The softmax input is divided by it, so that confidences leave the extremes.',
    }),
    shuffle: Type.Boolean({ default: true }),
    seed: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 1 }),
  },
  closed,
);
export type EvaluateRequest = Static<typeof EvaluateRequest>;
