import type { Logger } from 'pino';
import type { LogLine } from '../jobs/job-event.js';
import type { Progress } from '../jobs/job-record.js';
import type { JobStore } from '../jobs/job-store.js';
import type { TrainerToWorker } from './trainer-messages.js';

/** Characters of a log line that are kept. */
const LONGEST_LINE = 4000;

/**
 * Writes what a trainer reports to the job's record, one message after the other, so that the record never
 * goes back in time. The trainer throttles its reports; a write that Redis refuses is logged and skipped.
 */
export class JobRecorder {
  private last: Promise<void> = Promise.resolve();
  private latest: Readonly<Record<string, number>> = {};
  private progress: Progress | null = null;

  constructor(
    private readonly store: JobStore,
    private readonly job: { readonly id: string; readonly attempt: number },
    private readonly log: Logger,
  ) {}

  take(message: TrainerToWorker): void {
    this.last = this.last
      .then(() => this.write(message))
      .catch((error: Error) => {
        this.log.warn({ err: error, type: message.type }, 'could not record what the trainer reported');
      });
  }

  /** Resolves once everything taken so far is written. */
  flush(): Promise<void> {
    return this.last;
  }

  private async write(message: TrainerToWorker): Promise<void> {
    const { store, log } = this;
    const { id, attempt } = this.job;
    switch (message.type) {
      case 'started':
        await store.transition(id, 'running', `Its trainer runs on the ${message.device}.`, { attempt });
        return;
      case 'progress':
        this.latest = { ...this.latest, ...message.metrics };
        this.progress = message.progress;
        await store.saveProgress(id, attempt, message.progress, this.latest);
        return;
      case 'steps':
        await store.appendSteps(id, attempt, message.steps);
        return;
      case 'guard':
        await store.appendGuard(id, attempt, message.event);
        return;
      case 'resumed':
        await store.appendEvent(id, attempt, 'resumed', message.from);
        return;
      case 'epoch': {
        const { validationAccuracy, validationLoss } = message.epoch;
        if (validationAccuracy !== undefined) this.latest = { ...this.latest, validationAccuracy };
        if (validationLoss !== undefined) this.latest = { ...this.latest, validationLoss };
        await store.appendEpoch(id, attempt, message.epoch);
        if (this.progress !== null) await store.saveProgress(id, attempt, this.progress, this.latest);
        return;
      }
      case 'log':
        log[message.level](message.message);
        await this.writeLog(message);
        return;
      default:
        return;
    }
  }

  private async writeLog({ level, message }: LogLine): Promise<void> {
    const type = level === 'warn' ? 'warning' : 'log';
    const kept = message.length > LONGEST_LINE ? `${message.slice(0, LONGEST_LINE)}…` : message;
    await this.store.appendEvent(this.job.id, this.job.attempt, type, {
      level,
      message: kept,
    } satisfies LogLine);
  }
}
