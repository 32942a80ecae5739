import { Type } from 'typebox';
import { ModelCatalog } from '../../artifacts/model-catalog.js';
import { type AliasOutcome, ModelMarks } from '../../jobs/model-marks.js';
import type { Api, ApiContext } from '../api-context.js';
import type { Caller } from '../keys/caller.js';
import { deleteJobWithArtifacts } from '../models/delete-artifacts.js';
import { findModel } from '../models/find-model.js';
import { ModelParams, ModelReference, ModelSummary, TagText } from '../models/model-schemas.js';
import { showModel } from '../models/model-view.js';
import { Problem } from '../problem.js';
import { json, problems } from '../responses.js';

const closed = { additionalProperties: false } as const;

/** An alias is never taken for an id or for `latest`. */
const AliasParams = Type.Object({
  alias: Type.String({
    maxLength: 63,
    pattern: '^(?!latest$)(?![0-9a-f]{8}-[0-9a-f]{4}-)[a-z][a-z0-9-]*$',
    description: 'Small letters, digits and hyphens; not `latest`.',
    examples: ['champion'],
  }),
});
const AliasBody = Type.Object(
  {
    model: ModelReference,
    expected: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 64 }), Type.Null()], {
        description: 'Id that the alias has to point to before, null for none. Left out: whatever it is.',
      }),
    ),
  },
  { ...closed, examples: [{ model: 'latest' }] },
);
const AliasView = Type.Object({
  alias: Type.String(),
  model: Type.String(),
  previous: Type.Union([Type.String(), Type.Null()]),
});
const AliasList = Type.Object({
  aliases: Type.Array(Type.Object({ alias: Type.String(), model: Type.String() })),
});

const MarksBody = Type.Object(
  {
    tags: Type.Optional(Type.Array(TagText, { maxItems: 32, uniqueItems: true })),
    notes: Type.Optional(Type.String({ maxLength: 10_000 })),
  },
  {
    ...closed,
    minProperties: 1,
    examples: [{ tags: ['faces', 'v2'], notes: 'Trained after the camera change.' }],
  },
);

export function modelMarkRoutes(app: Api, context: ApiContext): void {
  const catalog = new ModelCatalog(context.artifactsDir);
  const marksOf = ({ owner }: Caller) => new ModelMarks(context.redis, context.queuePrefix, owner);

  app.get(
    '/models/aliases',
    {
      schema: {
        tags: ['models'],
        summary: "One's aliases",
        response: { 200: json(AliasList, 'By name.'), ...problems(500, 503) },
      },
    },
    async (request) => {
      const entries = Object.entries(await marksOf(request.caller).aliases()).sort(([a], [b]) =>
        a < b ? -1 : 1,
      );
      return { aliases: entries.map(([alias, model]) => ({ alias, model })) };
    },
  );

  app.put(
    '/models/aliases/:alias',
    {
      schema: {
        tags: ['models'],
        summary: 'Point an alias to a model',
        description:
          'In one step: a reader sees the old model or the new one. With `expected` the alias moves only from there (409). An ' +
          'alias can stand wherever a request names a model; a job keeps the model that it stood for when it was submitted.',
        params: AliasParams,
        body: AliasBody,
        response: { 200: json(AliasView, 'Moved.'), ...problems(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async (request) => {
      const { alias } = request.params;
      const marks = marksOf(request.caller);
      const { id } = await findModel(context, catalog, request.caller, request.body.model);
      const outcome = await marks.setAlias(alias, id, request.body.expected);
      const { previous } = assertMoved(alias, outcome);
      // Deleted between the look and the move: the claim on it may have ended by then.
      if ((await catalog.get(id)) === null) {
        await marks.removeAlias(alias, id);
        throw new Problem(404, 'no-such-model', `Expected a published model, found "${id}" deleted.`);
      }
      request.log.info({ alias, model: id, previous }, 'alias moved');
      return { alias, model: id, previous };
    },
  );

  app.delete(
    '/models/aliases/:alias',
    {
      schema: {
        tags: ['models'],
        summary: 'Remove an alias',
        params: AliasParams,
        response: {
          204: { type: 'null', description: 'The alias points nowhere.' },
          ...problems(400, 404, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { alias } = request.params;
      const marks = marksOf(request.caller);
      const { previous } = assertMoved(alias, await marks.removeAlias(alias));
      if (previous === null) throw new Problem(404, 'no-such-alias', `Expected an alias, found "${alias}".`);
      return reply.code(204).send(null);
    },
  );

  app.patch(
    '/models/:model',
    {
      schema: {
        tags: ['models'],
        summary: 'Change the tags or notes of a model',
        params: ModelParams,
        body: MarksBody,
        response: { 200: json(ModelSummary, 'The model.'), ...problems(400, 404, 413, 415, 500, 503) },
      },
    },
    async (request) => {
      const model = await findModel(context, catalog, request.caller, request.params.model);
      const marks = marksOf(request.caller);
      await marks.write(model.id, request.body);
      const [mark = { tags: [], notes: '' }] = await marks.read([model.id]);
      return showModel(model, { mark, aliases: await marks.aliases() });
    },
  );

  app.delete(
    '/models/:model',
    {
      schema: {
        tags: ['models'],
        summary: 'Delete a model with its training job',
        description: 'Refused (409) while an alias points to it or an evaluation needs it.',
        params: ModelParams,
        response: {
          204: { type: 'null', description: 'Nothing of the model is left.' },
          ...problems(400, 404, 409, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = await findModel(context, catalog, request.caller, request.params.model);
      await deleteJobWithArtifacts(context, id, request);
      return reply.code(204).send(null);
    },
  );
}

function assertMoved(alias: string, outcome: AliasOutcome): { previous: string | null } {
  if (outcome.moved) return outcome;
  const { reason, found } = outcome;
  const detail =
    reason === 'deleting'
      ? 'Expected a model to point to, found one that is being deleted.'
      : `Expected "${alias}" to point to the model that \`expected\` names, found ${found === null ? 'that it points nowhere' : `"${found}"`}.`;
  throw new Problem(409, 'alias-conflict', detail);
}
