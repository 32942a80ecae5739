import { Type } from 'typebox';
import { galleryOf } from '../../artifacts/gallery-store.js';
import { artifactsOf } from '../../artifacts/manifest.js';
import { ModelCatalog } from '../../artifacts/model-catalog.js';
import type { InferencePool } from '../../inference/inference-pool.js';
import type { Api, ApiContext } from '../api-context.js';
import { asInput } from '../input-schema.js';
import { findModel } from '../models/find-model.js';
import {
  findThreshold,
  squaredL2OfCosine,
  ThresholdView,
  thresholdQuery,
} from '../models/match-threshold.js';
import { ImagesBody, imagesBody, PairBody, readImages } from '../models/model-images.js';
import { ModelParams } from '../models/model-schemas.js';
import { runInference } from '../models/run-inference.js';
import { fieldProblem } from '../problem.js';
import { json, problems } from '../responses.js';
import { GalleryName } from './galleries.js';

const flipTest = Type.Boolean({
  default: false,
  description:
    'Adds the embedding of the mirrored image before its length is set to 1; takes twice the time.',
});
const closed = { additionalProperties: false } as const;
const EmbedQuery = Type.Object({ flipTest }, closed);
const VerifyQuery = Type.Object({ flipTest, ...thresholdQuery }, closed);
const IdentifyQuery = Type.Object(
  {
    gallery: GalleryName,
    count: Type.Integer({ minimum: 1, maximum: 100, default: 5, description: 'Candidates to list.' }),
    flipTest,
    ...thresholdQuery,
  },
  closed,
);

const EmbedAnswer = Type.Object({
  model: Type.String(),
  size: Type.Integer(),
  length: Type.Literal(1, { description: 'Every embedding has unit length.' }),
  images: Type.Array(Type.Object({ name: Type.String(), embedding: Type.Array(Type.Number()) })),
});
const VerifyAnswer = Type.Object({
  model: Type.String(),
  cosine: Type.Number(),
  squaredL2: Type.Number({ description: 'Between the unit embeddings: 2 − 2 · cosine.' }),
  decision: Type.Enum(['same', 'different', 'unknown'], {
    description: '`unknown` where there is no threshold to decide by.',
  }),
  threshold: ThresholdView,
});
const Candidate = Type.Object({ identity: Type.String(), cosine: Type.Number(), squaredL2: Type.Number() });
const IdentifyAnswer = Type.Object({
  model: Type.String(),
  gallery: Type.String(),
  threshold: ThresholdView,
  images: Type.Array(
    Type.Object({
      name: Type.String(),
      decision: Type.Enum(['identified', 'unknown'], {
        description: '`unknown` below the threshold, and where there is none to decide by.',
      }),
      identity: Type.Union([Type.String(), Type.Null()]),
      candidates: Type.Array(Candidate, { description: 'Best first; an identity counts by its best image.' }),
    }),
  ),
});

const ofImages = (body: unknown) =>
  (body as ImagesBody).images.map((location, i) => ({ field: `images.${i}`, location }));
const ofPair = (body: unknown) => {
  const { left, right } = body as PairBody;
  return [
    { field: 'left', location: left },
    { field: 'right', location: right },
  ];
};

export function useModelRoutes(app: Api, context: ApiContext, pool: InferencePool): void {
  const catalog = new ModelCatalog(context.artifactsDir);
  const errors = problems(400, 404, 413, 415, 500, 503);

  app.post(
    '/models/:model/embed',
    {
      schema: {
        tags: ['models'],
        summary: 'Embed images',
        params: ModelParams,
        querystring: asInput(EmbedQuery),
        body: imagesBody(ImagesBody, 'many'),
        response: { 200: json(EmbedAnswer, 'The embeddings, in the order of the images.'), ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await findModel(context, catalog, request.caller, request.params.model);
      const images = await readImages(context, request, ofImages);
      const modelDir = artifactsOf(context.artifactsDir, id);
      const task = { modelDir, images, flipTest: request.query.flipTest };
      const { embeddings, size } = await runInference(pool, { request, reply }, task);
      const shown = images.map(({ name }, i) => {
        return { name, embedding: [...embeddings.subarray(i * size, (i + 1) * size)] };
      });
      return { model: id, size, length: 1 as const, images: shown };
    },
  );

  app.post(
    '/models/:model/verify',
    {
      schema: {
        tags: ['models'],
        summary: 'Say whether two images show the same',
        params: ModelParams,
        querystring: asInput(VerifyQuery),
        body: imagesBody(PairBody, ['left', 'right']),
        response: { 200: json(VerifyAnswer, 'Similarity and decision.'), ...errors },
      },
    },
    async (request, reply) => {
      const { id } = await findModel(context, catalog, request.caller, request.params.model);
      const threshold = await findThreshold(catalog, request.caller, { ...request.query, model: id });
      const images = await readImages(context, request, ofPair);
      const [left, right] = ['left', 'right'].map((name) => images.filter(({ field }) => field === name));
      if (images.length !== 2 || left?.length !== 1 || right?.length !== 1) {
        const found = images.map(({ field }) => `"${field}"`).join(', ');
        throw fieldProblem('left', 'one file "left" and one file "right"', found);
      }
      const modelDir = artifactsOf(context.artifactsDir, id);
      const task = { modelDir, images: [...left, ...right], flipTest: request.query.flipTest };
      const { embeddings, size } = await runInference(pool, { request, reply }, task);
      const cosine = dot(embeddings.subarray(0, size), embeddings.subarray(size));
      const decision =
        threshold.cosine === null ? 'unknown' : cosine >= threshold.cosine ? 'same' : 'different';
      return { model: id, cosine, squaredL2: squaredL2OfCosine(cosine), decision, threshold } as const;
    },
  );

  app.post(
    '/models/:model/identify',
    {
      schema: {
        tags: ['models'],
        summary: 'Find who is on images, among the identities of a gallery',
        params: ModelParams,
        querystring: asInput(IdentifyQuery),
        body: imagesBody(ImagesBody, 'many'),
        response: { 200: json(IdentifyAnswer, 'The best identities of each image.'), ...errors },
      },
    },
    async (request, reply) => {
      const { gallery, count } = request.query;
      const { id } = await findModel(context, catalog, request.caller, request.params.model);
      const threshold = await findThreshold(catalog, request.caller, { ...request.query, model: id });
      const images = await readImages(context, request, ofImages);
      const task = {
        modelDir: artifactsOf(context.artifactsDir, id),
        images,
        flipTest: request.query.flipTest,
        search: { galleryDir: galleryOf(context.artifactsDir, id, gallery), count },
      };
      const { matches } = await runInference(pool, { request, reply }, task);
      const shown = images.map(({ name }, i) => {
        const candidates = (matches?.[i] ?? []).map(({ identity, cosine }) => {
          return { identity, cosine, squaredL2: squaredL2OfCosine(cosine) };
        });
        const [best] = candidates;
        const isKnown = best !== undefined && threshold.cosine !== null && best.cosine >= threshold.cosine;
        return {
          name,
          decision: isKnown ? ('identified' as const) : ('unknown' as const),
          identity: isKnown ? best.identity : null,
          candidates,
        };
      });
      return { model: id, gallery, threshold, images: shown };
    },
  );
}

/** The cosine of unit vectors, kept within [−1, 1]. */
function dot(left: Float32Array, right: Float32Array): number {
  const sum = left.reduce((total, value, i) => total + value * (right[i] as number), 0);
  return Math.min(1, Math.max(-1, sum));
}
