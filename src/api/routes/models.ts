import { Type } from 'typebox';
import type { Manifest } from '../../artifacts/manifest.js';
import { ModelCatalog, type PublishedModel } from '../../artifacts/model-catalog.js';
import { verifyArtifacts } from '../../artifacts/publish.js';
import { ModelMarks } from '../../jobs/model-marks.js';
import type { Api, ApiContext } from '../api-context.js';
import { maySeeArtifacts } from '../find-job.js';
import { asInput } from '../input-schema.js';
import type { Caller } from '../keys/caller.js';
import { findModel } from '../models/find-model.js';
import { compareFigures, protocolFigures } from '../models/model-figures.js';
import { ModelDetail, ModelParams, ModelReference, ModelSummary, TagText } from '../models/model-schemas.js';
import { showModel, showModelDetail } from '../models/model-view.js';
import { json, problems } from '../responses.js';

const ListQuery = Type.Object(
  {
    tag: Type.Optional(TagText),
    backbone: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['mobilefacenet'] })),
    after: Type.Optional(
      Type.String({ format: 'uuid', description: "The `nextCursor` of the page before this one's." }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  },
  { additionalProperties: false },
);
const ModelList = Type.Object({
  models: Type.Array(ModelSummary),
  nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page.' }),
});

const CompareQuery = Type.Object(
  { left: ModelReference, right: ModelReference },
  { additionalProperties: false },
);
const Comparison = Type.Object({
  left: Type.String({ description: 'Id of the model.' }),
  right: Type.String(),
  evaluations: Type.Array(
    Type.Object({
      protocol: Type.String(),
      datasetHash: Type.String(),
      left: Type.String({ description: 'Id of the evaluation.' }),
      right: Type.String(),
      figures: Type.Array(
        Type.Object({
          figure: Type.String({ examples: ['tarAtFar.0.001.interpolated'] }),
          left: Type.Number(),
          right: Type.Number(),
          difference: Type.Number({ description: 'Right minus left.' }),
        }),
      ),
    }),
    {
      description:
        'The newest evaluations of both by the same protocol and version, on the same dataset, with the same seed and settings.',
    },
  ),
});

const CheckResult = Type.Object({
  model: Type.String(),
  isWhole: Type.Boolean(),
  files: Type.Integer({ description: 'Files that were read and hashed.' }),
  faults: Type.Array(
    Type.Object({
      name: Type.String(),
      expected: Type.String({ description: 'SHA-256 of the manifest.' }),
      found: Type.String({ description: 'SHA-256 of the file, or why it cannot be read.' }),
    }),
  ),
});

export function modelRoutes(app: Api, context: ApiContext): void {
  const catalog = new ModelCatalog(context.artifactsDir);
  const marksOf = ({ owner }: Caller) => new ModelMarks(context.redis, context.queuePrefix, owner);

  app.get(
    '/models',
    {
      schema: {
        tags: ['models'],
        summary: 'List models, newest first',
        querystring: asInput(ListQuery),
        response: { 200: json(ModelList, 'A page of models.'), ...problems(400, 500, 503) },
      },
    },
    async (request) => {
      const { tag, backbone, after, limit } = request.query;
      const marks = marksOf(request.caller);
      const aliases = await marks.aliases();
      const models: ModelSummary[] = [];
      for await (const model of catalog.newestFirst(after)) {
        if (!maySeeArtifacts(request.caller, model.manifest)) continue;
        if (backbone !== undefined && model.config.backbone !== backbone) continue;
        const mark = await markOf(marks, model);
        if (tag !== undefined && !mark.tags.includes(tag)) continue;
        // One more than asked for says that there is a further page.
        models.push(showModel(model, { mark, aliases }));
        if (models.length > limit) break;
      }
      const page = models.slice(0, limit);
      return { models: page, nextCursor: models.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
  );

  app.get(
    '/models/compare',
    {
      schema: {
        tags: ['models'],
        summary: 'Compare two models on the evaluations that both have',
        querystring: CompareQuery,
        response: { 200: json(Comparison, 'Figure by figure.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const left = await findModel(context, catalog, request.caller, request.query.left);
      const right = await findModel(context, catalog, request.caller, request.query.right);
      const figuresOf = async ({ id }: PublishedModel) =>
        protocolFigures(visible(request.caller, await catalog.evaluationsOf(id)));
      const evaluations = compareFigures(await figuresOf(left), await figuresOf(right));
      return { left: left.id, right: right.id, evaluations };
    },
  );

  app.get(
    '/models/:model',
    {
      schema: {
        tags: ['models'],
        summary: 'One model: where it comes from, how it was evaluated, its files',
        params: ModelParams,
        response: { 200: json(ModelDetail, 'The model.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const model = await findModel(context, catalog, request.caller, request.params.model);
      const marks = marksOf(request.caller);
      const marked = { mark: await markOf(marks, model), aliases: await marks.aliases() };
      return showModelDetail(model, marked, visible(request.caller, await catalog.evaluationsOf(model.id)));
    },
  );

  app.post(
    '/models/:model/check',
    {
      schema: {
        tags: ['models'],
        summary: 'Compare every file of a model with its manifest',
        description: 'Reads and hashes all of them; a broken file is named.',
        params: ModelParams,
        response: { 200: json(CheckResult, 'What was found.'), ...problems(400, 404, 413, 415, 500, 503) },
      },
    },
    async (request) => {
      const { id, manifest } = await findModel(context, catalog, request.caller, request.params.model);
      const faults = await verifyArtifacts(context.artifactsDir, manifest);
      return { model: id, isWhole: faults.length === 0, files: manifest.files.length, faults };
    },
  );
}

function visible(caller: Caller, evaluations: readonly Manifest[]): Manifest[] {
  return evaluations.filter((manifest) => maySeeArtifacts(caller, manifest));
}

async function markOf(marks: ModelMarks, { id }: PublishedModel) {
  const [mark] = await marks.read([id]);
  return mark ?? { tags: [], notes: '' };
}
