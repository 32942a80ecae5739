import { readManifest } from '../artifacts/manifest.js';
import type { JobState } from '../jobs/job-record.js';
import type { ApiContext } from './api-context.js';
import { fieldProblem, Problem } from './problem.js';

const EXPECTED = 'the id of a training job whose model is published, or "latest"';
/** States of a training that will publish no model. */
const WITHOUT_MODEL: readonly JobState[] = ['cancelling', 'cancelled', 'failed'];

/**
 * The id of the model that a request names. Published artifacts are enough: they outlive the job's record.
 * @throws Problem 400 when there is and will be no such model, 409 while its training goes on.
 */
export async function resolveModel(context: ApiContext, name: string): Promise<string> {
  const id = name === 'latest' ? await latestModel(context) : name;
  const job = await context.store.get(id);
  if (job !== null && job.kind !== 'train') throw refuse(`"${id}", which is a job of kind ${job.kind}`);
  if (job !== null && WITHOUT_MODEL.includes(job.state))
    throw refuse(`"${id}", a training that is ${job.state}`);
  const manifest = await readManifest(context.artifactsDir, id);
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

async function latestModel({ store }: ApiContext): Promise<string> {
  const { jobs } = await store.list({ kind: 'train', state: 'succeeded', limit: 1 });
  const [newest] = jobs;
  if (newest === undefined) throw refuse('"latest", while no training has succeeded yet');
  return newest.id;
}

function refuse(found: string): Problem {
  return fieldProblem('model', EXPECTED, found);
}
