import { type CheckpointIdentity, hashPlain } from '../checkpoints/checkpoint-format.js';
import { Checkpointer } from '../checkpoints/checkpointer.js';
import { loadCheckpoint } from '../checkpoints/load-checkpoint.js';
import { MetricsFile, recordMetrics } from './metrics-file.js';
import { skipTold, type ToldBefore, tellHistory } from './told-before.js';
import { type TrainOptions, type TrainOutcome, train } from './train.js';
import type { Learner } from './train-step.js';
import type { RunHooks } from './training-hooks.js';
import type { TrainingRequest } from './training-request.js';
import { disposeState } from './training-state.js';

export type CheckpointOptions = {
  /** Left out: none are read or taken. */
  readonly checkpointDir?: string | undefined;
  readonly told?: ToldBefore | undefined;
  readonly identity: CheckpointIdentity;
  /** Receives the whole history, that of earlier processes included. */
  readonly metricsPath: string;
};

const NOTHING_TOLD: ToldBefore = { step: 0, epoch: 0, guardStep: 0 };

/** What of a request decides the weights: the rest may change between an attempt and the next. */
export function hashTraining(request: TrainingRequest): string {
  const { checkpointEverySteps, checkpointEverySeconds, exports, ...decisive } = request;
  return hashPlain(decisive);
}

/**
 * Trains as `train` does, from the last good checkpoint where there is one, and takes checkpoints on the way.
 * @throws MlError `checkpoint_mismatch` for one of another training, and what `train` throws; a training that was
 * interrupted has its checkpoint on disk by then
 */
export async function trainFromCheckpoint(
  learner: Learner,
  options: TrainOptions & Pick<TrainingRequest, 'checkpointEverySteps' | 'checkpointEverySeconds'>,
  { checkpointDir, told = NOTHING_TOLD, identity, metricsPath }: CheckpointOptions,
  hooks: RunHooks,
): Promise<TrainOutcome> {
  const startedAt = performance.now();
  const unheard = skipTold(hooks, told);
  const loaded = checkpointDir === undefined ? null : await loadCheckpoint(checkpointDir, identity, hooks);
  const metrics = new MetricsFile(metricsPath, loaded?.metrics);
  const { checkpointEverySteps, checkpointEverySeconds } = options;
  const checkpointer =
    checkpointDir === undefined
      ? undefined
      : new Checkpointer({
          ...{ dir: checkpointDir, identity, hooks, checkpointEverySteps, checkpointEverySeconds },
          metrics: () => ({ path: metrics.path, bytes: metrics.reportedBytes }),
        });
  try {
    if (loaded !== null) {
      const { epoch, step } = loaded.state.progress;
      checkpointer?.startAt(step);
      hooks.onLog?.('info', `goes on from the checkpoint after step ${step}, in epoch ${epoch}`);
      hooks.onResumed?.({ epoch, step });
      tellHistory(loaded.metrics, unheard);
    }
    const recording = recordMetrics(unheard, (line) => metrics.write(line));
    const outcome = await train(learner, { ...options, resumeFrom: loaded?.state, checkpointer }, recording);
    metrics.assertWhole();
    return outcome;
  } finally {
    if (loaded !== null) disposeState(loaded.state);
    await checkpointer?.close();
    if (checkpointer !== undefined && checkpointer.count > 0) {
      const { count, waitedMs } = checkpointer;
      const share = (100 * waitedMs) / (performance.now() - startedAt);
      const waited = `${(waitedMs / 1000).toFixed(2)} s for them, ${share.toFixed(1)} % of its time`;
      hooks.onLog?.('info', `took ${count} checkpoints; the training waited ${waited}`);
    }
    metrics.close();
  }
}
