import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { showJobProgress } from '../../src/cli/job-progress.js';
import type { JobRecord } from '../../src/jobs/job-record.js';

const ESCAPE = '\u001b';
/** What a redraw of the line begins with. */
const COLUMN_ONE = `${ESCAPE}[1G`;
const TERMINAL_COMMAND = new RegExp(`${ESCAPE}(?:\\[\\??[0-9;]*[A-Za-z]|[78])`);

/** A stream as the demo writes to: a terminal of 60 columns, or a file. */
function capture(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const terminal = { isTTY, columns: 60, rows: 24 };
  return { stream: Object.assign(sink, terminal) as unknown as NodeJS.WriteStream, text: () => text };
}

function training(state: JobRecord['state'], epoch?: number): JobRecord {
  const figures = { epochs: 30, step: 5, steps: 900, percent: 10 * (epoch ?? 0), secondsLeft: 4 };
  return {
    id: '7',
    kind: 'train',
    state,
    progress: epoch === undefined ? null : { epoch, imagesPerSecond: 41.7, ...figures },
    metrics: epoch === undefined ? {} : { loss: 12.345 },
  } as JobRecord;
}

it('writes a line per state and per epoch where there is no terminal', () => {
  const { stream, text } = capture(false);
  const progress = showJobProgress(stream);
  for (const job of [training('queued'), training('queued'), training('running', 1), training('running', 1)])
    progress.update(job);
  progress.update(training('succeeded', 2));
  progress.stop();
  expect(text()).toBe('  queued\n  epoch 1/30 loss 12.3 42 img/s\n  epoch 2/30 loss 12.3 42 img/s\n');
});

it('draws a bar within 60 columns on a terminal, full at the end', () => {
  const { stream, text } = capture(true);
  const progress = showJobProgress(stream);
  progress.update(training('running', 3));
  progress.update(training('succeeded', 3));
  progress.stop();
  const shown = text().split(COLUMN_ONE).join('\r').split(TERMINAL_COMMAND).join('');
  const lines = shown.split(/[\r\n]+/).filter((line) => line !== '');
  expect(lines.at(-1)).toContain('100 % epoch 3/30 loss 12.3 42 img/s');
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
});
