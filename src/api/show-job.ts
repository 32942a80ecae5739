import type { JobRecord } from '../jobs/job-record.js';
import { waitingFor } from '../jobs/waiting-for.js';
import { WorkerRegistry } from '../jobs/worker-registry.js';
import type { ApiContext } from './api-context.js';
import { type JobView, toJobView } from './job-view.js';

/** Jobs as clients see them; of those that wait it says what for, as far as the workers alive tell. */
export async function showJobs(
  { redis, queuePrefix, store, maxRunningJobs = 0 }: ApiContext,
  jobs: readonly JobRecord[],
): Promise<JobView[]> {
  const waiting = jobs.filter(({ state }) => state === 'queued');
  const workers = waiting.length > 0 ? await new WorkerRegistry(redis, queuePrefix).list() : [];
  const nowMs = Date.now();
  const show = async (job: JobRecord) => {
    const dependency =
      waiting.includes(job) && job.dependsOn !== null ? await store.get(job.dependsOn) : null;
    const hasDependency = dependency?.state === 'succeeded';
    const isFull =
      maxRunningJobs > 0 && waiting.includes(job) && (await store.countHeld(job.owner)) >= maxRunningJobs;
    const fullLimit = isFull ? maxRunningJobs : undefined;
    return toJobView(job, waitingFor(job, { workers, nowMs, hasDependency, fullLimit }));
  };
  return Promise.all(jobs.map(show));
}

export async function showJob(context: ApiContext, job: JobRecord): Promise<JobView> {
  const [view] = await showJobs(context, [job]);
  if (view === undefined) throw new Error('Expected a view of the job, found none.');
  return view;
}
