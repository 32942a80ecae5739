import { DatasetLocationError, isWeightsFile, resolveWeights } from '../artifacts/dataset-location.js';
import type { TrainRequest } from '../jobs/requests.js';
import type { ApiContext } from './api-context.js';
import type { Caller } from './keys/caller.js';
import { resolveModel } from './model-reference.js';
import { fieldProblem } from './problem.js';

/**
 * A training's request with what its `initFrom` stands for: `latest` becomes an id, so that every attempt starts from
 * the same weights.
 * @throws Problem 400 or 409 when there are no such weights
 */
export async function resolveInit(
  context: ApiContext,
  caller: Caller,
  request: TrainRequest,
): Promise<TrainRequest> {
  const { initFrom } = request;
  if (initFrom === undefined) return request;
  if (!isWeightsFile(initFrom)) {
    return { ...request, initFrom: await resolveModel(context, caller, initFrom, 'initFrom') };
  }
  await resolveWeights(context.datasetRoot, initFrom).catch((error: unknown) => {
    throw error instanceof DatasetLocationError
      ? fieldProblem('initFrom', error.expected, error.found)
      : error;
  });
  return request;
}
