import type { Transition } from './job-record.js';
import { HELD_STATES } from './job-state.js';

/**
 * Milliseconds that workers have held a job until `nowMs`, all attempts together: waiting and pauses do not count. Times that
 * run backwards, as between machines with different clocks, count as none.
 */
export function activeMillis(transitions: readonly Transition[], nowMs: number): number {
  return transitions.reduce((sum, { state, at }, index) => {
    if (!HELD_STATES.includes(state)) return sum;
    const next = transitions[index + 1];
    const end = next === undefined ? nowMs : Date.parse(next.at);
    return sum + Math.max(0, end - Date.parse(at));
  }, 0);
}
