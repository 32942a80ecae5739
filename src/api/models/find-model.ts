import type { ModelCatalog, PublishedModel } from '../../artifacts/model-catalog.js';
import { ModelMarks } from '../../jobs/model-marks.js';
import type { ApiContext } from '../api-context.js';
import { Problem } from '../problem.js';

/** The published model that a path names: by its id, by an alias, or as `latest`. @throws Problem 404 */
export async function findModel(
  { redis, queuePrefix }: ApiContext,
  catalog: ModelCatalog,
  name: string,
): Promise<PublishedModel> {
  if (name === 'latest') {
    for await (const model of catalog.newestFirst()) return model;
  }
  const id = (await new ModelMarks(redis, queuePrefix).aliasOf(name)) ?? name;
  const model = await catalog.get(id);
  if (model !== null) return model;
  throw new Problem(404, 'no-such-model', `Expected the id or alias of a published model, found "${name}".`);
}
