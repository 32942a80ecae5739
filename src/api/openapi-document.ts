import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import type { TObject } from 'typebox';

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
    tags: [
      { name: 'jobs', description: 'Submit, watch and stop work.' },
      { name: 'datasets', description: 'Look before you train.' },
      { name: 'artifacts', description: 'What a finished job made.' },
      {
        name: 'models',
        description: 'What trainings made: where it comes from, how good it is, and its use.',
      },
      { name: 'workers', description: 'Who runs the jobs.' },
      { name: 'health', description: 'For load balancers and supervisors.' },
    ],
  },
  transform: ({ schema, url }) => ({ schema: nameWildcard(schema), url: url.replace(/\*$/, ':name') }),
  refResolver: {
    buildLocalReference: (schema, _base, _fragment, index) =>
      typeof schema.$id === 'string' ? schema.$id : `schema-${index}`,
  },
};

/** OpenAPI has no wildcard in a path: the rest of the path is documented as the parameter `name`. */
function nameWildcard(schema: FastifySchema): FastifySchema {
  const params = schema?.params as TObject | undefined;
  if (params?.properties === undefined || !('*' in params.properties)) return schema;
  const { '*': name, ...others } = params.properties;
  const required = params.required.map((each) => (each === '*' ? 'name' : each));
  return { ...schema, params: { ...params, properties: { ...others, name }, required } };
}
