import { type Static, Type } from 'typebox';

/** How a request names a model; whether there is one is looked up. */
export const ModelReference = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9-]+$',
  description: 'Id of a model, an alias such as `champion`, or `latest`.',
});
export const ModelParams = Type.Object({ model: ModelReference });

export const TagText = Type.String({ minLength: 1, maxLength: 64, examples: ['faces'] });

const OrNull = Type.Union([Type.String(), Type.Null()]);
const IntegerOrNull = Type.Union([Type.Integer(), Type.Null()]);
const Facts = Type.Record(Type.String(), Type.Unknown());

const summary = {
  id: Type.String({ description: 'Id of the model, which is that of the training job that made it.' }),
  publishedAt: Type.String({ format: 'date-time' }),
  backbone: OrNull,
  loss: OrNull,
  embeddingSize: IntegerOrNull,
  imageSize: IntegerOrNull,
  classCount: IntegerOrNull,
  datasetHash: OrNull,
  aliases: Type.Array(Type.String()),
  tags: Type.Array(Type.String()),
  notes: Type.String(),
  bytes: Type.Integer({ description: 'Of all its files.' }),
  url: Type.String(),
};

export const ModelSummary = Type.Object(summary);
export type ModelSummary = Static<typeof ModelSummary>;

export const ModelDetail = Type.Object({
  ...summary,
  lineage: Type.Object({
    job: Type.String({ description: 'Address of the training job; its record may be gone.' }),
    attempt: Type.Integer(),
    dataset: OrNull,
    datasetHash: OrNull,
    parent: Type.Union([OrNull], {
      description: 'What the training started from (`initFrom`): a model’s id or a file of weights.',
    }),
    request: Type.Unsafe<Record<string, unknown>>({
      ...Facts,
      description: 'The request of the training with every default filled in.',
    }),
    versions: Type.Unsafe<Record<string, unknown>>({
      ...Facts,
      description: 'Code, engine and device that made it.',
    }),
  }),
  training: Type.Unsafe<Record<string, unknown>>({ ...Facts, description: 'Result of the training.' }),
  evaluations: Type.Array(
    Type.Object({
      jobId: Type.String(),
      publishedAt: Type.String({ format: 'date-time' }),
      datasetHash: OrNull,
      protocolVersion: OrNull,
      protocols: Type.Array(Type.String()),
      result: Facts,
      artifacts: Type.String(),
    }),
    { description: 'Finished evaluations of this model, newest first.' },
  ),
  files: Type.Array(
    Type.Object({ name: Type.String(), bytes: Type.Integer(), sha256: Type.String(), url: Type.String() }),
  ),
  manifest: Type.String({ description: 'Where the manifest can be downloaded.' }),
});
export type ModelDetail = Static<typeof ModelDetail>;
