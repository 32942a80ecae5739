import { describe, expect, it } from 'vitest';
import { JOB_STATES } from '../../src/jobs/job-record.js';
import { canTransition, statesBefore, TERMINAL_STATES } from '../../src/jobs/job-state.js';

// The table, drawn by hand: a row is the state left, a column the state entered, in the order of `columns`.
const columns = [
  'queued',
  'starting',
  'running',
  'pausing',
  'paused',
  'stalled',
  'finalizing',
  'succeeded',
  'cancelling',
  'cancelled',
  'failed',
] as const;
const drawn: Record<(typeof columns)[number], string> = {
  queued: '.x..x....xx',
  starting: 'xxxx.x..x.x',
  running: 'xx.x.xx.x.x',
  pausing: 'x...xxx.x.x',
  paused: 'x........xx',
  stalled: 'xxx.x.x.x.x',
  finalizing: 'xx...x.xx.x',
  cancelling: '.........xx',
  succeeded: '...........',
  cancelled: '...........',
  failed: '...........',
};

describe('the state table', () => {
  for (const from of columns) {
    it.each(columns.map((to, i) => [to, drawn[from][i] === 'x'] as const))(
      `${from} → %s: %s`,
      (to, allowed) => {
        expect(canTransition(from, to)).toBe(allowed);
        expect(statesBefore(to).includes(from)).toBe(allowed);
      },
    );
  }

  it('covers every state there is', () => {
    expect([...columns].sort()).toEqual([...JOB_STATES].sort());
  });

  it('lets every state that is not terminal reach a terminal one', () => {
    const terminal = columns.filter((state) => !drawn[state].includes('x'));
    expect([...TERMINAL_STATES].sort()).toEqual([...terminal].sort());
    for (const from of columns) {
      if (!terminal.includes(from)) expect(terminal.some((to) => canTransition(from, to))).toBe(true);
    }
  });
});
