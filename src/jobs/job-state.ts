import { JOB_STATES, type JobState } from './job-record.js';

/** States that never change again. */
export const TERMINAL_STATES: readonly JobState[] = ['succeeded', 'cancelled', 'failed'];

/**
 * Where each state may go.
 *
 * `starting` follows an active state when another worker takes the job over from a lost one, and `queued` when the
 * work goes back to wait. `cancelling` never becomes `succeeded`: a client that was told its job is being cancelled
 * may already have sent another in its place, so a trainer that finished first has its staged artifacts discarded.
 * `queued` becomes `cancelled` at once, since nothing has to be stopped.
 */
export const ALLOWED_TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['starting', 'cancelled', 'failed'],
  starting: ['starting', 'running', 'cancelling', 'failed', 'queued'],
  running: ['finalizing', 'cancelling', 'failed', 'queued', 'starting'],
  finalizing: ['succeeded', 'failed', 'queued', 'starting', 'cancelling'],
  cancelling: ['cancelled', 'failed'],
  succeeded: [],
  cancelled: [],
  failed: [],
};

/** Whether a job in state `from` may enter state `to`. */
export function canTransition(from: JobState, to: JobState): boolean {
  return ALLOWED_TRANSITIONS[from].includes(to);
}

/** The states from which `to` may be entered. */
export function statesBefore(to: JobState): readonly JobState[] {
  return JOB_STATES.filter((from) => canTransition(from, to));
}
