import { freemem, hostname } from 'node:os';
import type { Logger } from 'pino';
import type { JobKind } from '../jobs/job-record.js';
import type { JobStore } from '../jobs/job-store.js';
import type { Offer } from '../jobs/requirements.js';
import { REPORT_EVERY_MS, type WorkerRegistry, type WorkerReport } from '../jobs/worker-registry.js';

/** Reports what this worker has and does, at once, at every change and every 5 s, until it is closed. */
export class WorkerHeartbeat {
  private job: WorkerReport['job'] = null;
  private readonly startedAt = new Date().toISOString();
  private readonly timer: NodeJS.Timeout;
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly id: string,
    private readonly offer: Offer,
    private readonly registry: WorkerRegistry,
    private readonly store: JobStore,
    private readonly log: Logger,
  ) {
    this.timer = setInterval(() => {
      // While Redis is away one report waits for it; more would pile up behind.
      if (this.waiting === 0) this.report();
    }, REPORT_EVERY_MS);
    this.report();
  }

  /** Says what the worker does now; null when it waits. */
  show(job: { readonly id: string; readonly attempt: number; readonly kind: JobKind } | null): void {
    this.job = job && { ...job, since: new Date().toISOString(), imagesPerSecond: null };
    this.report();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.last;
    await this.registry.forget(this.id).catch(() => {});
  }

  private report(): void {
    this.waiting += 1;
    this.last = this.last
      .then(() => this.send())
      .catch((error: Error) => this.log.warn({ err: error }, 'could not report that this worker is alive'))
      .finally(() => {
        this.waiting -= 1;
      });
  }

  private async send(): Promise<void> {
    const progress = this.job && (await this.store.get(this.job.id))?.progress;
    const job = this.job && { ...this.job, imagesPerSecond: progress?.imagesPerSecond ?? null };
    await this.registry.report({
      ...{ id: this.id, host: hostname(), startedAt: this.startedAt, heartbeatAt: new Date().toISOString() },
      ...this.offer,
      freeMemoryBytes: freemem(),
      job,
    });
  }
}
