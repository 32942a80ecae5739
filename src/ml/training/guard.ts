import type { StepResult } from './train-step.js';

export type GuardReason = 'not_finite' | 'collapsed' | 'flat';

/** What the guard remembers from step to step, as plain JSON. */
export type GuardState = {
  /** What the schedule's rate is multiplied by; falls at every rollback. */
  readonly rateFactor: number;
  readonly rollbacks: number;
  /** Newest last, under one margin, since the last rollback; at most FLAT_STEPS of them. */
  readonly recent: readonly StepResult[];
  /** Mean loss of the first steps under the present margin. */
  readonly firstLoss: number | null;
  readonly marginFactor: number;
  /** Steps since the last state was kept. */
  readonly sinceKept: number;
};

export type GuardOptions = {
  readonly classCount: number;
  /** Rollbacks before it gives up. */
  readonly retries: number;
};

export type GuardStep = StepResult & {
  readonly marginFactor: number;
  readonly isWarmingUp: boolean;
};

export type GuardVerdict = { readonly state: GuardState } & (
  | { readonly action: 'go_on' }
  /** The run is well: a state to come back to can be kept. */
  | { readonly action: 'keep' }
  | { readonly action: 'roll_back' | 'give_up'; readonly reason: GuardReason; readonly loss: number }
);

export const GUARD_START: GuardState = {
  rateFactor: 1,
  rollbacks: 0,
  recent: [],
  firstLoss: null,
  marginFactor: 1,
  sinceKept: 0,
};

/** Enough to bring a rate that is 100 times too high down in three rollbacks. */
const RATE_CUT = 0.2;
/** Steps that a judgement is taken over, so that one odd batch means nothing. */
const WINDOW = 20;
/** Steps without any progress before a run counts as flat. */
const FLAT_STEPS = 100;
const KEEP_EVERY = 50;
/**
 * Mean loss below which most images must be classified rightly: the margin only lowers the own class, so a mean
 * loss of 0.1 puts at least 85 % of the images above one half. Fewer than half of them right contradicts it.
 */
const COLLAPSED = { loss: 0.1, accuracy: 0.5 } as const;
/** A network that says nothing is right about once in `classCount` times, and has the loss log(classCount). */
const CHANCE = { accuracy: 1.5, loss: 0.02 } as const;
/** A state is not kept while the loss is this much above what it was at first. */
const WORSE = 1.2;

/** Judges a run by its newest step. Pure: keeping and rolling back are the caller's. */
export function judge(before: GuardState, step: GuardStep, options: GuardOptions): GuardVerdict {
  if (!Number.isFinite(step.loss)) return stop(before, 'not_finite', step.loss, options);
  const state = follow(before, step);
  const window = state.recent.slice(-WINDOW);
  if (window.length < WINDOW) return { action: 'go_on', state };
  const loss = meanLoss(window);
  if (loss < COLLAPSED.loss && meanAccuracy(window) < COLLAPSED.accuracy) {
    return stop(state, 'collapsed', loss, options);
  }
  const isFlat = learnedNothing(window, state, options.classCount);
  const allFlat =
    state.recent.length === FLAT_STEPS && learnedNothing(state.recent, state, options.classCount);
  if (isFlat && allFlat && !step.isWarmingUp) return stop(state, 'flat', loss, options);
  const isWell = !isFlat && loss <= WORSE * (state.firstLoss ?? loss);
  if (!isWell || state.sinceKept < KEEP_EVERY) return { action: 'go_on', state };
  return { action: 'keep', state: { ...state, sinceKept: 0 } };
}

function follow(state: GuardState, { loss, accuracy, marginFactor }: GuardStep): GuardState {
  // Losses under different margins do not compare.
  const isSame = marginFactor === state.marginFactor;
  const recent = [...(isSame ? state.recent : []), { loss, accuracy }].slice(-FLAT_STEPS);
  const known = isSame ? state.firstLoss : null;
  const firstLoss = known ?? (recent.length === WINDOW ? meanLoss(recent) : null);
  return { ...state, recent, firstLoss, marginFactor, sinceKept: state.sinceKept + 1 };
}

/** Whether steps are right no more often than by chance, and lose log(classCount) or as much as an untrained network. */
function learnedNothing(
  steps: readonly StepResult[],
  { firstLoss }: GuardState,
  classCount: number,
): boolean {
  if (meanAccuracy(steps) > CHANCE.accuracy / classCount) return false;
  const loss = meanLoss(steps);
  const chance = Math.log(classCount);
  return Math.abs(loss - chance) <= CHANCE.loss * chance || (firstLoss !== null && loss >= firstLoss);
}

function stop(state: GuardState, reason: GuardReason, loss: number, { retries }: GuardOptions): GuardVerdict {
  if (state.rollbacks >= retries) return { action: 'give_up', state, reason, loss };
  const after = {
    ...GUARD_START,
    rateFactor: state.rateFactor * RATE_CUT,
    rollbacks: state.rollbacks + 1,
    marginFactor: state.marginFactor,
  };
  return { action: 'roll_back', state: after, reason, loss };
}

function meanLoss(steps: readonly StepResult[]): number {
  return steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;
}

function meanAccuracy(steps: readonly StepResult[]): number {
  return steps.reduce((sum, { accuracy }) => sum + accuracy, 0) / steps.length;
}
