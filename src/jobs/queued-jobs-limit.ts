/** An owner has as many queued jobs as allowed; nothing was written. */
export class QueuedJobsLimit extends Error {
  override readonly name = 'QueuedJobsLimit';

  constructor(readonly limit: number) {
    super(`Expected at most ${limit} queued jobs of one owner; found more.`);
  }
}
