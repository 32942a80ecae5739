import type { JobFilter } from './job-keys.js';
import type { JobRecord } from './job-record.js';
import type { JobStore } from './job-store.js';

const PAGE = 200;

/** All jobs that match, newest first, read page by page; one that moves meanwhile may be missed. */
export async function* eachJob(store: JobStore, filter: JobFilter): AsyncGenerator<JobRecord> {
  let after: string | null | undefined;
  while (after !== null) {
    const page = await store.list({ ...filter, limit: PAGE, ...(after ? { after } : {}) });
    yield* page.jobs;
    after = page.nextCursor;
  }
}
