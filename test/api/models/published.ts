import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v7 as uuidV7 } from 'uuid';
import { openStaging, publishArtifacts } from '../../../src/artifacts/publish.js';

type Published = {
  readonly kind: 'train' | 'evaluate';
  readonly files: Readonly<Record<string, string>>;
  readonly result?: Record<string, unknown>;
  readonly provenance?: Record<string, unknown>;
};

/** Publishes artifacts as a job would, without a record; ids rise with each call. */
export async function publish(artifactsDir: string, published: Published): Promise<string> {
  const jobId = uuidV7();
  const staging = await openStaging(artifactsDir, { jobId, attempt: 1 });
  for (const [name, content] of Object.entries(published.files)) {
    await mkdir(dirname(join(staging, name)), { recursive: true });
    await writeFile(join(staging, name), content);
  }
  const { kind, result = {}, provenance = {} } = published;
  await publishArtifacts(artifactsDir, { jobId, attempt: 1, kind, result, provenance });
  return jobId;
}

export function publishModel(artifactsDir: string, backbone: string, request: object = {}): Promise<string> {
  const config = { format: 'arcqueue-model/1', backbone, embeddingSize: 8, imageSize: 112, request };
  return publish(artifactsDir, {
    kind: 'train',
    files: { 'config.json': JSON.stringify(config), 'weights.bin': 'weights' },
    result: { classCount: 3 },
    provenance: { datasetHash: 'abc', tensorflow: '2.21.0' },
  });
}

export function publishEvaluation(artifactsDir: string, model: string, result: object): Promise<string> {
  const common = { model, protocolVersion: 'arcqueue-evaluation/1', datasetHash: 'd1', seed: 1 };
  return publish(artifactsDir, {
    kind: 'evaluate',
    files: { 'report.json': '{}' },
    result: { ...common, ...result },
  });
}
