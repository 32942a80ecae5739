import type { ModelCatalog, PublishedModel } from '../../artifacts/model-catalog.js';
import { ModelMarks } from '../../jobs/model-marks.js';
import type { ApiContext } from '../api-context.js';
import { maySeeArtifacts, ownerOf } from '../find-job.js';
import type { Caller } from '../keys/caller.js';
import { Problem } from '../problem.js';

/** The published model that a caller's path names: by its id, by an alias, or as `latest`. @throws Problem 404 */
export async function findModel(
  { redis, queuePrefix }: ApiContext,
  catalog: ModelCatalog,
  caller: Caller,
  name: string,
): Promise<PublishedModel> {
  if (name === 'latest') {
    for await (const model of catalog.newestFirst()) {
      if (ownerOf(model.manifest) === caller.owner) return model;
    }
  }
  const id = (await new ModelMarks(redis, queuePrefix, caller.owner).aliasOf(name)) ?? name;
  const model = await catalog.get(id);
  if (model !== null && maySeeArtifacts(caller, model.manifest)) return model;
  throw new Problem(404, 'no-such-model', `Expected the id or alias of a published model, found "${name}".`);
}
