import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import type { TObject } from 'typebox';
import { problems } from './responses.js';

/** What the OpenAPI document says beside the routes' own schemas. */
export const openApiDocument: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'arcqueue',
      version: '0.1.0',
      description:
        'Train and evaluate ArcFace identity embeddings as queued jobs. A submitted job is answered with 202 and its ' +
        'address; poll that for state, progress and result. Every error is a problem document (RFC 9457).',
    },
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key, as `npm run keys -- create` or POST /keys shows it once.',
        },
      },
    },
    tags: [
      { name: 'jobs', description: 'Submit, watch and stop work.' },
      { name: 'datasets', description: 'Look before you train.' },
      { name: 'artifacts', description: 'What a finished job made.' },
      {
        name: 'models',
        description: 'What trainings made: where it comes from, how good it is, and its use.',
      },
      { name: 'workers', description: 'Who runs the jobs.' },
      { name: 'keys', description: 'Who may do what.' },
      { name: 'health', description: 'For load balancers and supervisors.' },
    ],
  },
  transform: ({ schema, url, route }) => ({
    schema: asGuarded(nameWildcard(schema), {
      isGuarded: route.config?.scope !== null,
      hasName: url.includes(':'),
    }),
    url: url.replace(/\*$/, ':name'),
  }),
  refResolver: {
    buildLocalReference: (schema, _base, _fragment, index) =>
      typeof schema.$id === 'string' ? schema.$id : `schema-${index}`,
  },
};

/** The answers of the door, which stands before every route that is not open to everyone. */
function asGuarded(
  schema: FastifySchema,
  { isGuarded, hasName }: { isGuarded: boolean; hasName: boolean },
): FastifySchema {
  if (schema?.hide || !isGuarded) return schema;
  const response = {
    ...(schema.response as object),
    ...problems(401, 403, 421, 429),
    ...(hasName ? problems(414) : {}),
  };
  return { ...schema, response, security: [{ apiKey: [] }] };
}

/** OpenAPI has no wildcard in a path: the rest of the path is documented as the parameter `name`. */
function nameWildcard(schema: FastifySchema): FastifySchema {
  const params = schema?.params as TObject | undefined;
  if (params?.properties === undefined || !('*' in params.properties)) return schema;
  const { '*': name, ...others } = params.properties;
  const required = params.required.map((each) => (each === '*' ? 'name' : each));
  return { ...schema, params: { ...params, properties: { ...others, name }, required } };
}
