import { MlError } from '../ml-error.js';
import { clipGradients, discardGradients } from './gradients.js';
import { type GuardReason, type GuardVerdict, judge } from './guard.js';
import type { Optimisation } from './optimisation-settings.js';
import { learningRateAt, type ScheduleOptions } from './schedule.js';
import type { StepGradients } from './step-gradients.js';
import type { Learner } from './train-step.js';
import type { RunHooks } from './training-hooks.js';
import type { TrainingRun } from './training-run.js';

export type StepOptions = {
  readonly classCount: number;
  readonly optimisation: Optimisation;
  readonly schedule: ScheduleOptions;
};

/**
 * Ends a step whose gradients are there: the update, or what the guard orders in its place.
 * @returns the rate of the update; null when the run went back instead
 * @throws MlError `training_diverged` when it has gone back as often as it may
 */
export function finishStep(
  run: TrainingRun,
  step: StepGradients,
  { classCount, optimisation, schedule }: StepOptions,
  hooks: RunHooks,
): number | null {
  const { learner, progress } = run;
  const isSound = Number.isFinite(step.loss) && hasFiniteGradients(learner, optimisation);
  const verdict = judge(
    run.guard,
    {
      loss: isSound ? step.loss : Number.NaN,
      accuracy: step.accuracy,
      marginFactor: learner.head.marginFactor,
      isWarmingUp: progress.step < schedule.warmupSteps,
    },
    { classCount, retries: optimisation.guardRetries },
  );
  run.guard = verdict.state;
  if (verdict.action === 'roll_back' || verdict.action === 'give_up') {
    discardGradients(learner.optimizer.parameters);
    if (verdict.action === 'give_up') throw diverged(verdict, progress.step + 1);
    run.skipStep(step);
    goBack(run, verdict, optimisation, hooks);
    return null;
  }
  const learningRate = learningRateAt(progress.step, schedule) * run.guard.rateFactor;
  learner.optimizer.step(learningRate);
  run.average?.update();
  run.addStep(step, learningRate);
  if (verdict.action === 'keep') run.keepGoodState();
  return learningRate;
}

/** Clips, where that is asked for; the norm is needed for it, and tells of gradients that are not finite. */
function hasFiniteGradients({ optimizer, head }: Learner, { clip }: Optimisation): boolean {
  if (clip === null) return true;
  const clipped =
    clip.scope === 'all'
      ? optimizer.parameters
      : optimizer.parameters.filter((parameter) => !head.parameters.includes(parameter));
  return Number.isFinite(clipGradients(clipped, clip.norm));
}

type Trouble = Extract<GuardVerdict, { readonly reason: GuardReason }>;

function goBack(
  run: TrainingRun,
  { state, reason, loss }: Trouble,
  { guardRetries }: Optimisation,
  hooks: RunHooks,
): void {
  const { step } = run.progress;
  const { rateFactor, rollbacks } = state;
  const event = { step, reason, rateFactor, retriesLeft: guardRetries - rollbacks };
  run.rollBack(event);
  const found = WHAT_HAPPENED[reason](loss);
  const message = `step ${step}: ${found}; back to the last good state, learning rate times ${rateFactor}`;
  hooks.onLog?.('warn', message);
  hooks.onGuard?.(event);
}

const WHAT_HAPPENED: Record<GuardReason, (loss: number) => string> = {
  not_finite: () => 'the loss or the gradient is not finite',
  collapsed: (loss) => `the loss is ${loss.toPrecision(3)} while most images are classified wrongly`,
  flat: (loss) => `the loss stays at ${loss.toPrecision(3)} and the accuracy at that of chance`,
};

function diverged({ state, reason, loss }: Trouble, step: number): MlError {
  return new MlError(
    'training_diverged',
    'user',
    `Expected the loss to fall; found at step ${step}, after going back to a good state ${state.rollbacks} times: ` +
      `${WHAT_HAPPENED[reason](loss)}. A lower learningRate or a longer warm-up usually helps.`,
  );
}
