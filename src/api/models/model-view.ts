import { MANIFEST_FILE, type Manifest } from '../../artifacts/manifest.js';
import type { PublishedModel } from '../../artifacts/model-catalog.js';
import type { ModelMark } from '../../jobs/model-marks.js';
import type { ModelDetail, ModelSummary } from './model-schemas.js';

/** What is known of a model beside its folder. */
export type Marked = { readonly mark: ModelMark; readonly aliases: Readonly<Record<string, string>> };

export function showModel({ id, manifest, config }: PublishedModel, { mark, aliases }: Marked): ModelSummary {
  const request = (config.request ?? {}) as Record<string, unknown>;
  return {
    id,
    publishedAt: manifest.publishedAt,
    backbone: textOf(config.backbone),
    loss: textOf(request.loss),
    embeddingSize: integerOf(config.embeddingSize),
    imageSize: integerOf(config.imageSize),
    classCount: integerOf(manifest.result.classCount),
    datasetHash: textOf(manifest.provenance.datasetHash),
    aliases: Object.keys(aliases)
      .filter((alias) => aliases[alias] === id)
      .sort(),
    tags: [...mark.tags],
    notes: mark.notes,
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    url: `/models/${id}`,
  };
}

export function showModelDetail(
  model: PublishedModel,
  marked: Marked,
  evaluations: readonly Manifest[],
): ModelDetail {
  const { id, manifest, config } = model;
  const request = (config.request ?? {}) as Record<string, unknown>;
  const { datasetHash, exports: _exports, ...versions } = manifest.provenance;
  return {
    ...showModel(model, marked),
    lineage: {
      job: `/jobs/${id}`,
      attempt: manifest.attempt,
      dataset: textOf(request.dataset),
      datasetHash: textOf(datasetHash),
      parent: textOf(request.initFrom),
      request,
      versions,
    },
    training: { ...manifest.result },
    evaluations: evaluations.map((evaluation) => ({
      jobId: evaluation.jobId,
      publishedAt: evaluation.publishedAt,
      datasetHash: textOf(evaluation.result.datasetHash),
      protocolVersion: textOf(evaluation.result.protocolVersion),
      protocols: (evaluation.result.protocols ?? []) as string[],
      result: { ...evaluation.result },
      artifacts: `/jobs/${evaluation.jobId}/artifacts`,
    })),
    files: manifest.files.map(({ name, bytes, sha256 }) => {
      const path = name.split('/').map(encodeURIComponent).join('/');
      return { name, bytes, sha256, url: `/jobs/${id}/artifacts/${path}` };
    }),
    manifest: `/jobs/${id}/artifacts/${MANIFEST_FILE}`,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function integerOf(value: unknown): number | null {
  return Number.isInteger(value) ? (value as number) : null;
}
