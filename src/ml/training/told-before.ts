import type { EpochSummary, GuardEvent, RunHooks } from './training-hooks.js';

/** The last step, epoch and guard event that were told of a training before this process; 0 for none. */
export type ToldBefore = { readonly step: number; readonly epoch: number; readonly guardStep: number };

/**
 * The same hooks, without what has been told before: a resumed training repeats the steps between its checkpoint and the
 * moment it was killed, with the same figures, and nobody should hear of them twice.
 */
export function skipTold(hooks: RunHooks, told: ToldBefore): RunHooks {
  return {
    ...hooks,
    onSteps: (rows) => {
      const fresh = rows.filter(([step]) => step > told.step);
      if (fresh.length > 0) hooks.onSteps?.(fresh);
    },
    onGuard: (event) => {
      if (event.step > told.guardStep) hooks.onGuard?.(event);
    },
    onEpoch: (summary) => {
      if (summary.epoch > told.epoch) hooks.onEpoch?.(summary);
    },
  };
}

type Line =
  | { readonly type: 'step'; step: number; loss: number; accuracy: number; learningRate: number }
  | ({ readonly type: 'epoch' } & EpochSummary)
  | ({ readonly type: 'guard' } & GuardEvent);

/** Tells a history again, in its order: steps that were computed but never told may be among it. */
export function tellHistory(history: Buffer, hooks: RunHooks): void {
  let rows: [number, number, number, number][] = [];
  const flush = () => {
    if (rows.length > 0) hooks.onSteps?.(rows);
    rows = [];
  };
  for (const text of history.toString().split('\n')) {
    if (text === '') continue;
    const { type, ...line } = JSON.parse(text) as Line;
    if (type === 'step') {
      const { step, loss, accuracy, learningRate } = line as Extract<Line, { type: 'step' }>;
      rows.push([step, loss, accuracy, learningRate]);
      continue;
    }
    flush();
    if (type === 'epoch') hooks.onEpoch?.(line as EpochSummary);
    else hooks.onGuard?.(line as GuardEvent);
  }
  flush();
}
