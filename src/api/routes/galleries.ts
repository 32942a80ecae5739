import { Type } from 'typebox';
import {
  deleteGallery,
  deleteIdentity,
  galleryOf,
  listGalleries,
  listIdentities,
  readIdentity,
  writeIdentity,
} from '../../artifacts/gallery-store.js';
import { artifactsOf } from '../../artifacts/manifest.js';
import { ModelCatalog } from '../../artifacts/model-catalog.js';
import type { InferencePool } from '../../inference/inference-pool.js';
import type { Api, ApiContext } from '../api-context.js';
import { asInput } from '../input-schema.js';
import type { Caller } from '../keys/caller.js';
import { findModel } from '../models/find-model.js';
import { ImagesBody, imagesBody, readImages } from '../models/model-images.js';
import { ModelParams } from '../models/model-schemas.js';
import { runInference } from '../models/run-inference.js';
import { Problem } from '../problem.js';
import { json, problems } from '../responses.js';

export const GalleryName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  maxLength: 63,
  description: 'Name of a gallery: small letters, digits and hyphens.',
  examples: ['staff'],
});
const GalleryParams = Type.Object({ ...ModelParams.properties, name: GalleryName });
const IdentityParams = Type.Object({
  ...GalleryParams.properties,
  identity: Type.String({ minLength: 1, maxLength: 256, description: 'Any text.', examples: ['anna'] }),
});
const EnrolQuery = Type.Object(
  { flipTest: Type.Boolean({ default: false, description: 'As when embedding; the same as in searches.' }) },
  { additionalProperties: false },
);

const Identity = Type.Object({
  identity: Type.String(),
  images: Type.Integer(),
  updatedAt: Type.String({ format: 'date-time' }),
});
const GalleryList = Type.Object({ galleries: Type.Array(Type.String()) });
const Gallery = Type.Object({ model: Type.String(), name: Type.String(), identities: Type.Array(Identity) });

type Asked = { readonly caller: Caller; readonly params: { readonly model: string } };

export function galleryRoutes(app: Api, context: ApiContext, pool: InferencePool): void {
  const { artifactsDir } = context;
  const catalog = new ModelCatalog(artifactsDir);
  const find = ({ caller, params }: Asked) => findModel(context, catalog, caller, params.model);

  app.get(
    '/models/:model/galleries',
    {
      schema: {
        tags: ['models'],
        summary: "A model's galleries",
        params: ModelParams,
        response: { 200: json(GalleryList, 'Their names.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const { id } = await find(request);
      return { galleries: await listGalleries(artifactsDir, id) };
    },
  );

  app.get(
    '/models/:model/galleries/:name',
    {
      schema: {
        tags: ['models'],
        summary: 'The identities of a gallery',
        params: GalleryParams,
        response: { 200: json(Gallery, 'By name.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const { name } = request.params;
      const { id } = await find(request);
      if (!(await listGalleries(artifactsDir, id)).includes(name)) throw noGallery(name);
      return { model: id, name, identities: await listIdentities(galleryOf(artifactsDir, id, name)) };
    },
  );

  app.delete(
    '/models/:model/galleries/:name',
    {
      schema: {
        tags: ['models'],
        summary: 'Delete a gallery with all its identities',
        params: GalleryParams,
        response: {
          204: { type: 'null', description: 'Its embeddings are overwritten and gone.' },
          ...problems(400, 404, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = await find(request);
      const dir = galleryOf(artifactsDir, id, request.params.name);
      if (!(await deleteGallery(dir))) throw noGallery(request.params.name);
      pool.forget(dir);
      return reply.code(204).send(null);
    },
  );

  app.put(
    '/models/:model/galleries/:name/identities/:identity',
    {
      schema: {
        tags: ['models'],
        summary: 'Put an identity into a gallery, or replace what it has of it',
        description: 'Embeddings are kept, images are not. The gallery is made by its first identity.',
        params: IdentityParams,
        querystring: asInput(EnrolQuery),
        body: imagesBody(ImagesBody, 'many'),
        response: {
          200: json(Identity, 'Replaced.'),
          201: json(Identity, 'New in the gallery.'),
          ...problems(400, 404, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { name, identity } = request.params;
      const { id } = await find(request);
      const images = await readImages(context, request, (body) =>
        (body as ImagesBody).images.map((location, i) => ({ field: `images.${i}`, location })),
      );
      const task = { modelDir: artifactsOf(artifactsDir, id), images, flipTest: request.query.flipTest };
      const { embeddings, size } = await runInference(pool, { request, reply }, task);
      const dir = galleryOf(artifactsDir, id, name);
      const updatedAt = new Date().toISOString();
      const isNew = await writeIdentity(dir, { identity, updatedAt, size, embeddings });
      // Nothing of a model that was deleted meanwhile may stay.
      if ((await catalog.get(id)) === null) await deleteGallery(dir);
      return reply.code(isNew ? 201 : 200).send({ identity, images: images.length, updatedAt });
    },
  );

  app.get(
    '/models/:model/galleries/:name/identities/:identity',
    {
      schema: {
        tags: ['models'],
        summary: 'One identity of a gallery',
        params: IdentityParams,
        response: { 200: json(Identity, 'The identity.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const { name, identity } = request.params;
      const { id } = await find(request);
      const found = await readIdentity(galleryOf(artifactsDir, id, name), identity);
      if (found === null) throw noIdentity(identity);
      return found;
    },
  );

  app.delete(
    '/models/:model/galleries/:name/identities/:identity',
    {
      schema: {
        tags: ['models'],
        summary: 'Delete an identity of a gallery',
        params: IdentityParams,
        response: {
          204: { type: 'null', description: 'Its embeddings are overwritten and gone.' },
          ...problems(400, 404, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { name, identity } = request.params;
      const { id } = await find(request);
      const dir = galleryOf(artifactsDir, id, name);
      if (!(await deleteIdentity(dir, identity))) throw noIdentity(identity);
      pool.forget(dir);
      return reply.code(204).send(null);
    },
  );
}

function noGallery(name: string): Problem {
  return new Problem(404, 'no-such-gallery', `Expected the name of a gallery of the model, found "${name}".`);
}

function noIdentity(identity: string): Problem {
  return new Problem(404, 'no-such-identity', `Expected an identity of the gallery, found "${identity}".`);
}
