import { type Static, Type } from 'typebox';
import type { JobRecord } from './job-record.js';
import { meets, type Offer, type Requirements } from './requirements.js';

/** What a queued job waits for. */
export const WaitingFor = Type.Object({
  code: Type.Enum(['job', 'start_time', 'any_worker', 'fitting_worker', 'owner_limit', 'turn']),
  message: Type.String({ examples: ['A worker with a gpu; 2 workers are alive, none of them fits.'] }),
});
export type WaitingFor = Static<typeof WaitingFor>;

/** What the answer depends on beside the job. */
export type Circumstances = {
  /** Those that are alive. */
  readonly workers: readonly Offer[];
  readonly nowMs: number;
  /** Whether the job that this one depends on, if it does, has succeeded. */
  readonly hasDependency: boolean;
  /** Most jobs of one owner that workers may hold, where that many are held already. */
  readonly fullLimit?: number | undefined;
};

/** What this job waits for; null for a job that does not wait in the queue. */
export function waitingFor(
  job: JobRecord,
  { workers, nowMs, hasDependency, fullLimit }: Circumstances,
): WaitingFor | null {
  if (job.state !== 'queued') return null;
  const { startAfter, requirements = {} } = job.options;
  if (job.dependsOn !== null && !hasDependency) {
    return { code: 'job', message: `Job ${job.dependsOn} to succeed, then a worker.` };
  }
  if (startAfter !== undefined && Date.parse(startAfter) > nowMs) {
    return { code: 'start_time', message: `Its start time, ${startAfter}.` };
  }
  if (fullLimit !== undefined) {
    return { code: 'owner_limit', message: `Its owner's running jobs: ${fullLimit} at once are allowed.` };
  }
  if (workers.length === 0) return { code: 'any_worker', message: 'A worker; none is alive.' };
  if (workers.some((worker) => meets(worker, requirements))) {
    return { code: 'turn', message: 'A free worker, and the jobs before it.' };
  }
  const alive =
    workers.length === 1
      ? '1 worker is alive and does not fit'
      : `${workers.length} workers are alive, none of them fits`;
  return { code: 'fitting_worker', message: `A worker with ${describe(requirements)}; ${alive}.` };
}

function describe({ device, memoryBytes }: Requirements): string {
  const needs = [device && `a ${device}`, memoryBytes && `${memoryBytes} bytes of memory`];
  return needs.filter(Boolean).join(' and ');
}
