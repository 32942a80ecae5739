import { openCheckpoints } from '../artifacts/checkpoint-folder.js';
import {
  DatasetLocationError,
  isWeightsFile,
  resolveDataset,
  resolveWeights,
} from '../artifacts/dataset-location.js';
import { artifactsOf } from '../artifacts/manifest.js';
import { type AttemptOf, openStaging } from '../artifacts/publish.js';
import type { Config } from '../config.js';
import { JobError } from '../jobs/job-error.js';
import type { JobRecord } from '../jobs/job-record.js';
import type { InitSource } from '../ml/training/start-learner.js';
import type { ToldBefore } from '../ml/training/told-before.js';
import type { TrainerAssignment } from './trainer-messages.js';

/**
 * What a trainer gets to run an attempt: every location of the job's request as a path, an empty staging folder, and the
 * job's checkpoints.
 * @throws JobError `dataset_location` when a location no longer leads anywhere
 */
export async function assignJob(
  config: Config,
  { jobId, attempt }: AttemptOf,
  job: JobRecord,
  told: ToldBefore,
): Promise<TrainerAssignment> {
  const datasetDir = await locate(config, job.request.dataset);
  const stagingDir = await openStaging(config.artifactsDir, { jobId, attempt });
  const { decodeThreads, decodedCacheDir, decodedCacheBytes } = config;
  const decodedCache = { dir: decodedCacheDir, maxBytes: decodedCacheBytes };
  const common = { jobId, attempt, datasetDir, stagingDir, decodeThreads, decodedCache };
  if (job.kind === 'train') {
    const initFrom = await initSourceOf(config, job.request.initFrom);
    const checkpointDir = await openCheckpoints(
      config.artifactsDir,
      { jobId, attempt },
      job.origin?.from === 'checkpoint' ? job.origin.jobId : null,
    );
    const training = { ...common, kind: 'train', request: job.request, checkpointDir, told } as const;
    return { ...training, ...(initFrom && { initFrom }) };
  }
  if (job.kind === 'inspect') {
    const { testDataset } = job.request;
    const testDatasetDir = testDataset === undefined ? undefined : await locate(config, testDataset);
    return { ...common, kind: 'inspect', request: job.request, testDatasetDir };
  }
  const modelDir = artifactsOf(config.artifactsDir, job.request.model);
  const evaluation = { ...common, kind: 'evaluate', request: job.request, modelDir } as const;
  const { calibratedBy } = job.request;
  if (calibratedBy === undefined) return evaluation;
  return { ...evaluation, calibrationDir: artifactsOf(config.artifactsDir, calibratedBy) };
}

async function locate({ datasetRoot }: Config, location: string): Promise<string> {
  return resolveDataset(datasetRoot, location).catch(toLocationFailure);
}

async function initSourceOf(config: Config, initFrom: string | undefined): Promise<InitSource | null> {
  if (initFrom === undefined) return null;
  if (!isWeightsFile(initFrom)) return { kind: 'model', dir: artifactsOf(config.artifactsDir, initFrom) };
  const path = await resolveWeights(config.datasetRoot, initFrom).catch(toLocationFailure);
  return { kind: 'safetensors', path };
}

function toLocationFailure(error: unknown): never {
  if (error instanceof DatasetLocationError) throw new JobError('dataset_location', 'user', error.message);
  throw error;
}
