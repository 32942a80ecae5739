import { setTimeout } from 'node:timers/promises';
import type { JobRecord, JobState } from '../jobs/job-record.js';
import type { EvaluateRequest, TrainRequest } from '../jobs/requests.js';

const POLL_MS = 400;
const UNFINISHED_STATES: readonly JobState[] = ['queued', 'starting', 'running', 'finalizing'];

/** What a client must send; all else has a default. */
export type TrainBody = Partial<TrainRequest> & Pick<TrainRequest, 'dataset'>;
export type EvaluateBody = Partial<EvaluateRequest> & Pick<EvaluateRequest, 'dataset' | 'model'>;

type ProblemBody = {
  readonly detail?: string;
  readonly errors?: readonly { readonly field: string; readonly expected: string; readonly found: string }[];
};

/** An answer other than success, with the problem document's words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type WaitOptions = {
  readonly onUpdate?: (job: JobRecord) => void;
  readonly pollMs?: number;
};

/** A small client of the service's HTTP interface. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly signal?: AbortSignal,
  ) {}

  submitTrain(body: TrainBody): Promise<JobRecord> {
    return this.request('/jobs/train', body);
  }

  submitEvaluate(body: EvaluateBody): Promise<JobRecord> {
    return this.request('/jobs/evaluate', body);
  }

  getJob(id: string): Promise<JobRecord> {
    return this.request(`/jobs/${id}`);
  }

  /** Asks for every job that waits or runs to be stopped; of more than 100 in one state, for the newest. @returns how many */
  async cancelUnfinished(): Promise<number> {
    const ids = new Set<string>();
    for (const state of UNFINISHED_STATES) {
      const { jobs } = await this.request<{ jobs: JobRecord[] }>(`/jobs?state=${state}&limit=100`);
      for (const { id } of jobs) ids.add(id);
    }
    for (const id of ids) await this.cancelJob(id);
    return ids.size;
  }

  /** Asks for a job to be stopped, even after this client's own signal was aborted; one that is over stays as it is. */
  async cancelJob(id: string): Promise<void> {
    const response = await this.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok && response.status !== 409) {
      throw new ApiError(response.status, describeProblem(response, text));
    }
  }

  /** Whether the service accepts jobs; false too while nothing listens. */
  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/readyz`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  /**
   * Asks for a job until it is over.
   * @returns the job, succeeded
   * @throws Error with the job's own when it failed or was cancelled
   */
  async waitForJob(id: string, { onUpdate, pollMs = POLL_MS }: WaitOptions = {}): Promise<JobRecord> {
    for (;;) {
      const job = await this.getJob(id);
      onUpdate?.(job);
      if (job.state === 'succeeded') return job;
      if (job.state === 'failed' || job.state === 'cancelled') {
        const reason = job.error?.message ?? job.transitions.at(-1)?.cause ?? 'no reason was given';
        throw new Error(
          `The ${job.kind} job ${id} ${job.state === 'failed' ? 'failed' : 'was cancelled'}: ${reason}`,
        );
      }
      await setTimeout(pollMs, undefined, this.signal ? { signal: this.signal } : {});
    }
  }

  private async request<Answer = JobRecord>(path: string, body?: object): Promise<Answer> {
    const response = await this.fetch(path, {
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      ...(this.signal ? { signal: this.signal } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new ApiError(response.status, describeProblem(response, text));
    return JSON.parse(text) as Answer;
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      const { message, cause } = error as Error & { cause?: { code?: string } };
      throw new Error(`${this.url} does not answer: ${cause?.code ?? message}.`);
    }
  }
}

function describeProblem({ status, statusText }: Response, text: string): string {
  let problem: ProblemBody = {};
  try {
    problem = JSON.parse(text) as ProblemBody;
  } catch {
    // A proxy's page is no problem document; the status alone is told.
  }
  const fields = (problem.errors ?? []).map(
    ({ field, expected, found }) => `${field}: expected ${expected}; found ${found}`,
  );
  return [`${status} ${statusText}: ${problem.detail ?? 'no reason was given'}`, ...fields].join('\n  ');
}
