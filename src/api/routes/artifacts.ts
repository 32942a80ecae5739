import type { Readable } from 'node:stream';
import { Type } from 'typebox';
import { MANIFEST_FILE, readManifest } from '../../artifacts/manifest.js';
import { openArtifact } from '../../artifacts/open-artifact.js';
import type { Api, ApiContext } from '../api-context.js';
import { contentTypeOf } from '../content-type.js';
import { findJob, maySeeArtifacts, noSuchJob } from '../find-job.js';
import { Problem } from '../problem.js';
import { JobParams, json, problems } from '../responses.js';

const ArtifactList = Type.Object({
  jobId: Type.String(),
  artifacts: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Path within the artifact folder.' }),
      bytes: Type.Integer(),
      sha256: Type.String({ description: 'SHA-256 of the content, in hexadecimal.' }),
      url: Type.String({ description: 'Where it can be downloaded.' }),
    }),
  ),
  manifest: Type.Union([Type.String(), Type.Null()], {
    description:
      'Where the manifest can be downloaded: these files with their origin. Null until there is one.',
  }),
});

const DownloadParams = Type.Object({
  ...JobParams.properties,
  '*': Type.String({ description: "An artifact's name, as the list gives it." }),
});

/** Published artifacts never change, so a copy once fetched stays good. */
const CACHE_CONTROL = 'private, max-age=31536000, immutable';

export function artifactRoutes(app: Api, { store, artifactsDir }: ApiContext): void {
  app.get(
    '/jobs/:id/artifacts',
    {
      schema: {
        tags: ['artifacts'],
        summary: "A job's artifacts",
        description: 'Empty until the job has succeeded. They outlive the record of their job.',
        params: JobParams,
        response: { 200: json(ArtifactList, 'The artifacts.'), ...problems(400, 404, 500, 503) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const manifest = await readManifest(artifactsDir, id);
      if (manifest === null) await findJob(store, id, request.caller);
      else if (!maySeeArtifacts(request.caller, manifest)) throw noSuchJob(id);
      const artifacts = (manifest?.files ?? []).map(({ name, bytes, sha256 }) => {
        return { name, bytes, sha256, url: `/jobs/${id}/artifacts/${encodeName(name)}` };
      });
      const url = manifest === null ? null : `/jobs/${id}/artifacts/${MANIFEST_FILE}`;
      return { jobId: id, artifacts, manifest: url };
    },
  );

  app.get(
    '/jobs/:id/artifacts/*',
    {
      schema: {
        tags: ['artifacts'],
        summary: 'Download an artifact',
        params: DownloadParams,
        response: {
          200: {
            description: 'The content.',
            headers: {
              ETag: { type: 'string', description: "The content's SHA-256, quoted." },
            },
            content: {
              'application/octet-stream': {
                schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary' }),
              },
            },
          },
          304: { type: 'null', description: 'The copy that If-None-Match names is good.' },
          ...problems(400, 404, 500),
        },
      },
    },
    async (request, reply) => {
      const { id, '*': name } = request.params;
      const manifest = await readManifest(artifactsDir, id);
      const isOwn = manifest !== null && maySeeArtifacts(request.caller, manifest);
      const artifact = isOwn ? await openArtifact(artifactsDir, id, name) : null;
      if (artifact === null) {
        throw new Problem(
          404,
          'no-such-artifact',
          `Expected the name of an artifact of job "${id}", found "${name}".`,
        );
      }
      const etag = `"${artifact.sha256}"`;
      reply.header('cache-control', CACHE_CONTROL).header('etag', etag);
      if (request.headers['if-none-match'] === etag) return reply.code(304).send(null);
      return reply.type(contentTypeOf(name)).header('content-length', artifact.bytes).send(artifact.stream());
    },
  );
}

function encodeName(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}
