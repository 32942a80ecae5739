import type { Static } from 'typebox';
import type { JobErrorShape } from './job-record.js';

/** A job's failure as its record keeps it. */
export type JobFailure = Static<typeof JobErrorShape>;

/** Why a job failed: whose fault it is decides who acts, `retryable` whether the queue starts it again. */
export class JobError extends Error implements JobFailure {
  override readonly name = 'JobError';

  constructor(
    readonly code: string,
    readonly fault: JobFailure['fault'],
    message: string,
    readonly retryable = false,
  ) {
    super(message);
  }

  /** Rebuilds the error from what a record or a message carried. */
  static from(failure: JobFailure): JobError {
    return new JobError(failure.code, failure.fault, failure.message, failure.retryable);
  }

  toJSON(): JobFailure {
    return { code: this.code, fault: this.fault, retryable: this.retryable, message: this.message };
  }
}
