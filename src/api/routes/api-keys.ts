import { Type } from 'typebox';
import { OWNER_PATTERN, SCOPES } from '../../jobs/api-key.js';
import { ApiKeyStore } from '../../jobs/api-key-store.js';
import type { Api, ApiContext } from '../api-context.js';
import { Problem } from '../problem.js';
import { json, problems } from '../responses.js';

const Scopes = Type.Array(Type.Enum([...SCOPES]), {
  minItems: 1,
  maxItems: SCOPES.length,
  uniqueItems: true,
});
const Owner = Type.String({
  pattern: OWNER_PATTERN,
  description: 'Whose the jobs are that are made with it.',
});
const Key = Type.Object({
  id: Type.String(),
  owner: Owner,
  scopes: Scopes,
  createdAt: Type.String({ format: 'date-time' }),
  revokedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});
const NewKey = Type.Object({
  ...Key.properties,
  key: Type.String({ description: 'What to send as a bearer token. It is told this once.' }),
});
const KeyBody = Type.Object(
  { owner: Owner, scopes: Scopes },
  { additionalProperties: false, examples: [{ owner: 'vision-team', scopes: ['read', 'submit'] }] },
);
const KeyParams = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f]{16}$', description: 'Id of the key.' }),
});
const config = { scope: 'admin' } as const;

export function apiKeyRoutes(app: Api, { redis, queuePrefix }: ApiContext): void {
  const keys = new ApiKeyStore(redis, queuePrefix);
  app.post(
    '/keys',
    {
      config,
      schema: {
        tags: ['keys'],
        summary: 'Make a key',
        description:
          'Only a hash of it is kept. With the first key a service on loopback begins to ask for keys.',
        body: KeyBody,
        response: { 201: json(NewKey, 'The key.'), ...problems(400, 413, 415, 500, 503) },
      },
    },
    async (request, reply) => {
      const { owner, scopes } = request.body;
      const { key, text } = await keys.create(owner, scopes);
      request.log.info({ keyId: key.id, owner, scopes, by: request.caller.owner }, 'key made');
      reply.header('cache-control', 'no-store').code(201);
      return reply.send({ ...key, scopes: [...key.scopes], key: text });
    },
  );

  app.get(
    '/keys',
    {
      config,
      schema: {
        tags: ['keys'],
        summary: 'All keys, without their secrets',
        response: { 200: json(Type.Object({ keys: Type.Array(Key) }), 'The keys.'), ...problems(500, 503) },
      },
    },
    async () => ({ keys: (await keys.list()).map((key) => ({ ...key, scopes: [...key.scopes] })) }),
  );

  app.delete(
    '/keys/:id',
    {
      config,
      schema: {
        tags: ['keys'],
        summary: 'Revoke a key',
        params: KeyParams,
        response: {
          204: { type: 'null', description: 'The key opens nothing any more.' },
          ...problems(400, 404, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await keys.revoke(id))) {
        throw new Problem(404, 'no-such-key', `Expected the id of a key, found "${id}".`);
      }
      request.log.info({ keyId: id, by: request.caller.owner }, 'key revoked');
      return reply.code(204).send(null);
    },
  );
}
