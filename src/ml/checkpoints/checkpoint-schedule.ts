/** How often a training writes checkpoints, beside those at each epoch's end. */
export type CheckpointSettings = {
  /** Left out: only the time counts. */
  readonly checkpointEverySteps?: number | undefined;
  readonly checkpointEverySeconds?: number | undefined;
};

/** What the decision needs to know of the run. */
export type CheckpointMoment = {
  readonly step: number;
  readonly isEpochEnd: boolean;
  readonly nowMs: number;
};

export type LastCheckpoint = {
  readonly step: number;
  readonly takenAtMs: number;
  /** How long the training waited for it. */
  readonly waitedMs: number;
  /** Whether it is still being written. */
  readonly isWriting: boolean;
};

export const DEFAULT_EVERY_SECONDS = 30;
/** Waiting for checkpoints takes at most this share of the time, unless the request asks for them by steps. */
const LARGEST_SHARE = 0.04;

/** Whether a checkpoint is due between two steps. Pure. */
export function isCheckpointDue(
  { step, isEpochEnd, nowMs }: CheckpointMoment,
  last: LastCheckpoint,
  { checkpointEverySteps, checkpointEverySeconds = DEFAULT_EVERY_SECONDS }: CheckpointSettings,
): boolean {
  const isAskedFor = checkpointEverySteps !== undefined && step - last.step >= checkpointEverySteps;
  if (isAskedFor) return true;
  const sinceMs = nowMs - last.takenAtMs;
  if (!isEpochEnd && sinceMs < 1000 * checkpointEverySeconds) return false;
  return !last.isWriting && sinceMs * LARGEST_SHARE >= last.waitedMs;
}
