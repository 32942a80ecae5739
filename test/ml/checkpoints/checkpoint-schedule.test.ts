import { expect, it } from 'vitest';
import { isCheckpointDue, type LastCheckpoint } from '../../../src/ml/checkpoints/checkpoint-schedule.js';

const LAST: LastCheckpoint = { step: 100, takenAtMs: 1_000_000, waitedMs: 40, isWriting: false };
const at = (step: number, seconds: number, isEpochEnd = false) => ({
  ...{ step, isEpochEnd, nowMs: LAST.takenAtMs + 1000 * seconds },
});

it.each([
  ['after the seconds asked for', at(150, 10), LAST, { checkpointEverySeconds: 10 }, true],
  ['not a moment before', at(150, 9.999), LAST, { checkpointEverySeconds: 10 }, false],
  ['after 30 s where none are asked for', at(150, 30), LAST, {}, true],
  ['not before', at(150, 29), LAST, {}, false],
  ['after the steps asked for, whatever the time', at(110, 0), LAST, { checkpointEverySteps: 10 }, true],
  ['not a step before', at(109, 0), LAST, { checkpointEverySteps: 10 }, false],
  [
    'after the steps asked for, while one is written',
    at(110, 0),
    { ...LAST, isWriting: true },
    { checkpointEverySteps: 10 },
    true,
  ],
  ["at an epoch's end", at(101, 1, true), LAST, {}, true],
  // 40 ms are 4 % of 1 s.
  [
    "not at an epoch's end that comes before the last one has paid off",
    at(101, 0.999, true),
    LAST,
    {},
    false,
  ],
  ['not while one is written', at(150, 30, true), { ...LAST, isWriting: true }, {}, false],
  [
    'not every second where each takes 100 ms',
    at(150, 1),
    { ...LAST, waitedMs: 100 },
    { checkpointEverySeconds: 1 },
    false,
  ],
] as const)('a checkpoint is due %s', (_, moment, last, settings, expected) => {
  expect(isCheckpointDue(moment, last, settings)).toBe(expected);
});
