import { settleDependant } from './dependants.js';
import { eachJob } from './each-job.js';
import { JobError } from './job-error.js';
import type { JobQueue } from './job-queue.js';
import type { JobRecord } from './job-record.js';
import { HELD_STATES } from './job-state.js';
import type { JobStore } from './job-store.js';

/** Ids that a reconciliation enqueued, and ids whose records it ended because nobody works on them any more. */
export type Reconciliation = { readonly enqueued: string[]; readonly ended: string[] };

const ACTOR = 'reconciler';
const CAUSE = 'No worker holds the job and the queue no longer has it.';

/**
 * Brings records and queue back together. A record in state `queued` without a queue entry is enqueued: its creator
 * died between the two writes, or what it waits for is over and nobody was left to see to it. A record that claims a worker, without a queue entry, is ended: a worker removes the entry
 * only after it has moved the record, so here BullMQ gave the job up and no worker was left to say so.
 * Records that changed within `minAgeMs` are passed over.
 */
export async function reconcile(queue: JobQueue, store: JobStore, minAgeMs: number): Promise<Reconciliation> {
  const youngest = Date.now() - minAgeMs;
  const enqueued: string[] = [];
  const ended: string[] = [];
  const isOrphan = async (job: JobRecord) =>
    Date.parse(job.updatedAt) <= youngest && !(await queue.has(job.id));

  for await (const job of eachJob(store, { state: 'queued' })) {
    if (!(await isOrphan(job))) continue;
    const outcome =
      job.dependsOn === null ? await enqueue(queue, job) : await settleDependant(store, queue, job);
    if (outcome === 'enqueued') enqueued.push(job.id);
    if (outcome === 'ended') ended.push(job.id);
  }
  for (const state of HELD_STATES) {
    for await (const job of eachJob(store, { state })) {
      if ((await isOrphan(job)) && (await end(store, job))) ended.push(job.id);
    }
  }
  return { enqueued, ended };
}

async function enqueue(queue: JobQueue, job: JobRecord): Promise<'enqueued'> {
  await queue.enqueue(job);
  return 'enqueued';
}

async function end(store: JobStore, { id, state, attempt }: JobRecord): Promise<boolean> {
  if (state === 'cancelling')
    return (await store.transition(id, 'cancelled', CAUSE, { attempt, actor: ACTOR })).moved;
  // Its last checkpoint is as good as the one that it was asked for.
  if (state === 'pausing')
    return (await store.transition(id, 'paused', CAUSE, { attempt, actor: ACTOR })).moved;
  const message = 'Expected a worker that finishes the job, found that its workers were lost too often.';
  const error = new JobError('worker_lost', 'infrastructure', message, true);
  return (await store.fail(id, attempt, error, CAUSE, ACTOR)).moved;
}
