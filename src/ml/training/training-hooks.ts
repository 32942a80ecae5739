/** How a run tells its caller what happens. None of these may block; all are optional for library use. */
export type RunHooks = {
  readonly onStarted?: (device: string) => void;
  readonly onProgress?: (progress: RunProgress, metrics: Readonly<Record<string, number>>) => void;
  /** Rows of [step, loss, accuracy, learningRate], batched by time. */
  readonly onSteps?: (steps: readonly (readonly [number, number, number, number])[]) => void;
  /** The guard went back to an earlier state. */
  readonly onGuard?: (event: GuardEvent) => void;
  readonly onEpoch?: (epoch: EpochSummary) => void;
  /** The run goes on from a checkpoint taken after that many steps, in that epoch. */
  readonly onResumed?: (from: ResumePoint) => void;
  readonly onLog?: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
  /** Aborted to stop the run between two steps; the run then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

export type ResumePoint = { readonly epoch: number; readonly step: number };

/** A signal's reason that asks a training to take a checkpoint before it stops. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
}

/** A training that went wrong, and what was done about it. */
export type GuardEvent = {
  /** The step that showed it. */
  step: number;
  reason: 'not_finite' | 'collapsed' | 'flat';
  /** What the schedule's learning rate is multiplied by from here on. */
  rateFactor: number;
  retriesLeft: number;
};

export type RunProgress = {
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
  percent: number;
  imagesPerSecond: number;
  secondsLeft: number | null;
};

export type EpochSummary = {
  epoch: number;
  step: number;
  loss: number;
  accuracy: number;
  learningRate: number;
  imagesPerSecond: number;
  validationLoss?: number;
  validationAccuracy?: number;
};

/** What a run gives back beside the files that it wrote. */
export type RunOutcome = {
  /** For the job's user. */
  readonly result: Record<string, unknown>;
  /** For the artifact's manifest: dataset hash, versions, device. */
  readonly provenance: Record<string, unknown>;
};
