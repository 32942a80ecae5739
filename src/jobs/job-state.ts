import { JOB_STATES, type JobState } from './job-record.js';

/** States that never change again. */
export const TERMINAL_STATES: readonly JobState[] = ['succeeded', 'cancelled', 'failed'];

/** States in which a worker holds the job, or is believed to. */
export const HELD_STATES: readonly JobState[] = [
  'starting',
  'running',
  'pausing',
  'stalled',
  'finalizing',
  'cancelling',
];

/**
 * Where each state may go.
 *
 * `starting` follows a held state when another worker takes the job over from a lost one, and `queued` when the
 * work goes back to wait. `cancelling` never becomes `succeeded`: a client that was told its job is being cancelled
 * may already have sent another in its place, so a trainer that finished first has its staged artifacts discarded.
 * `queued` becomes `cancelled` or `paused` at once, since nothing has to be stopped; so does `paused` on its way out.
 * `pausing` may still become `finalizing`: nobody was promised anything by it, and a job that had only to publish is done
 * sooner than it is resumed. A lost worker leaves `pausing` to the next one, which finds it and goes to `paused`.
 * `stalled` is entered while a heartbeat is missing. It ends where the worker says it was when it is heard again, or as
 * for any lost worker.
 */
export const ALLOWED_TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['starting', 'paused', 'cancelled', 'failed'],
  starting: ['queued', 'starting', 'running', 'pausing', 'stalled', 'cancelling', 'failed'],
  running: ['queued', 'starting', 'pausing', 'stalled', 'finalizing', 'cancelling', 'failed'],
  pausing: ['queued', 'paused', 'stalled', 'finalizing', 'cancelling', 'failed'],
  paused: ['queued', 'cancelled', 'failed'],
  stalled: ['queued', 'starting', 'running', 'paused', 'finalizing', 'cancelling', 'failed'],
  finalizing: ['queued', 'starting', 'stalled', 'succeeded', 'cancelling', 'failed'],
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
