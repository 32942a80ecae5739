import { readManifest } from '../artifacts/manifest.js';
import type { JobState } from '../jobs/job-record.js';
import { ModelMarks } from '../jobs/model-marks.js';
import type { ApiContext } from './api-context.js';
import { maySeeArtifacts } from './find-job.js';
import { type Caller, maySee } from './keys/caller.js';
import { fieldProblem, Problem } from './problem.js';

const EXPECTED = 'the id of a training job whose model is published, an alias, or "latest"';
/** States of a training that will publish no model. */
const WITHOUT_MODEL: readonly JobState[] = ['cancelling', 'cancelled', 'failed'];

/**
 * The id of the model that a request names in `field`. Published artifacts are enough: they outlive the job's record.
 * @throws Problem 400 when there is and will be no such model, 409 while its training goes on.
 */
export async function resolveModel(
  context: ApiContext,
  caller: Caller,
  name: string,
  field = 'model',
): Promise<string> {
  const refuse = (found: string) => fieldProblem(field, EXPECTED, found);
  const id =
    name === 'latest' ? await latestModel(context, caller) : await aliasedModel(context, caller, name);
  if (id === null) throw refuse('"latest", while no training has succeeded yet');
  const job = await context.store.get(id);
  if (job !== null && !maySee(caller, job.owner)) throw refuse(`"${id}", which no job has`);
  if (job !== null && job.kind !== 'train') throw refuse(`"${id}", which is a job of kind ${job.kind}`);
  if (job !== null && WITHOUT_MODEL.includes(job.state))
    throw refuse(`"${id}", a training that is ${job.state}`);
  const manifest = await readManifest(context.artifactsDir, id);
  if (manifest !== null && !maySeeArtifacts(caller, manifest)) throw refuse(`"${id}", which no job has`);
  if (manifest?.kind === 'train') return id;
  if (manifest !== null) throw refuse(`"${id}", whose artifacts are those of a job of kind ${manifest.kind}`);
  if (job === null) throw refuse(`"${id}", which no job has`);
  if (job.state === 'succeeded') throw refuse(`"${id}", a training whose artifacts are gone`);
  throw new Problem(
    409,
    'model-not-ready',
    `Expected ${EXPECTED}, found "${id}", which is still ${job.state}.`,
    { headers: { 'retry-after': '10' } },
  );
}

/** The id of the caller's newest training that succeeded; null when none has. */
async function latestModel({ store }: ApiContext, { owner }: Caller): Promise<string | null> {
  const { jobs } = await store.list({ owner, kind: 'train', state: 'succeeded', limit: 1 });
  return jobs[0]?.id ?? null;
}

/** What an alias of the caller's points to; another name stands for itself. */
async function aliasedModel(
  { redis, queuePrefix }: ApiContext,
  { owner }: Caller,
  name: string,
): Promise<string> {
  return (await new ModelMarks(redis, queuePrefix, owner).aliasOf(name)) ?? name;
}
