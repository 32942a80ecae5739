import { type Static, Type } from 'typebox';
import { CalibrationSettings } from './evaluate-fields/calibration-fields.js';
import { classificationFields } from './evaluate-fields/classification-fields.js';
import { IdentificationSettings } from './evaluate-fields/identification-fields.js';
import { protocolFields } from './evaluate-fields/protocol-fields.js';
import { VerificationSettings } from './evaluate-fields/verification-fields.js';
import { checkpointFields } from './train-fields/checkpoint-fields.js';
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
    'Folder under the dataset root that holds one folder of images per class, a manifest.csv or manifest.jsonl, a .rec with ' +
    'its .idx, or .tar shards; or a file of it ending in .csv, .jsonl, .rec or .tar.',
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
    ...checkpointFields,
  },
  closed,
);
export type TrainRequest = Static<typeof TrainRequest>;

const { dataset: _dataset, ...trainingSettings } = TrainRequest.properties;
/** A training's request but for its dataset: what an inspection judges a dataset for. */
export const TrainingSettings = Type.Object(trainingSettings, closed);

/** An inspection of a dataset before anyone trains on it. */
export const InspectRequest = Type.Object(
  {
    dataset: DatasetLocation,
    testDataset: Type.Optional(
      Type.Unsafe<string>({
        ...DatasetLocation,
        description: 'A second dataset, which should share no image with the first.',
        examples: ['demo/test'],
      }),
    ),
    training: Type.Optional(TrainingSettings),
  },
  closed,
);
export type InspectRequest = Static<typeof InspectRequest>;

/** An evaluation of a trained model on a dataset. `batchSize threshold temperature classCount shuffle` are the original tool's. */
export const EvaluateRequest = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9-]+$',
      description:
        'Id of a model, which is the id of the training job that made it, or an alias of it; `latest` is the newest that succeeded.',
    }),
    dataset: DatasetLocation,
    ...protocolFields,
    ...classificationFields,
    calibration: Type.Optional(CalibrationSettings),
    verification: Type.Optional(VerificationSettings),
    identification: Type.Optional(IdentificationSettings),
  },
  closed,
);
export type EvaluateRequest = Static<typeof EvaluateRequest>;
