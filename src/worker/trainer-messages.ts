import type { EpochMetrics, Progress, StepMetrics } from '../jobs/job-record.js';
import type { EvaluateRequest, InspectRequest, TrainRequest } from '../jobs/requests.js';
import type { InitSource } from '../ml/training/start-learner.js';
import type { ToldBefore } from '../ml/training/told-before.js';
import type { ResumePoint } from '../ml/training/training-hooks.js';

/** A training that went wrong at a step, and went back to its last good state. */
export type GuardEvent = {
  readonly step: number;
  readonly reason: string;
  readonly rateFactor: number;
  readonly retriesLeft: number;
};

/** What the worker hands a fresh trainer process: one job attempt. Paths are absolute and already checked. */
export type TrainerAssignment = {
  readonly jobId: string;
  readonly attempt: number;
  /** Real path of the dataset's folder or file. */
  readonly datasetDir: string;
  /** An empty folder on the shared volume; the worker publishes it when the trainer reports `done`. */
  readonly stagingDir: string;
  /** Worker threads that decode images. */
  readonly decodeThreads: number;
  /** Where decoded images are kept for later epochs and jobs, and the bytes that they may take; 0 for none. */
  readonly decodedCache: { readonly dir: string; readonly maxBytes: number };
} & (
  | {
      readonly kind: 'train';
      readonly request: TrainRequest;
      /** What the request's initFrom names. */
      readonly initFrom?: InitSource;
      /** Holds the checkpoints to go on from, and receives new ones. */
      readonly checkpointDir: string;
      /** What earlier attempts have told of it. */
      readonly told: ToldBefore;
    }
  | {
      readonly kind: 'evaluate';
      readonly request: EvaluateRequest;
      readonly modelDir: string;
      readonly calibrationDir?: string;
    }
  | {
      readonly kind: 'inspect';
      readonly request: InspectRequest;
      readonly testDatasetDir?: string | undefined;
    }
);

export type WorkerToTrainer =
  | { readonly type: 'assign'; readonly assignment: TrainerAssignment }
  | { readonly type: 'cancel' }
  /** Stop, after a checkpoint. */
  | { readonly type: 'pause' };

export type TrainerToWorker =
  | { readonly type: 'ready' }
  /** Sent while nothing else is: the trainer's loop still turns. */
  | { readonly type: 'alive' }
  | { readonly type: 'started'; readonly device: string }
  | {
      readonly type: 'progress';
      readonly progress: Progress;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | { readonly type: 'steps'; readonly steps: readonly StepMetrics[] }
  | { readonly type: 'epoch'; readonly epoch: EpochMetrics }
  | { readonly type: 'resumed'; readonly from: ResumePoint }
  | { readonly type: 'guard'; readonly event: GuardEvent }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
  | {
      readonly type: 'done';
      readonly result: Readonly<Record<string, unknown>>;
      /** Facts for the manifest: dataset hash, versions, best epoch. */
      readonly provenance: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'cancelled' }
  | { readonly type: 'paused' }
  | {
      readonly type: 'failed';
      readonly error: {
        code: string;
        fault: 'user' | 'data' | 'infrastructure';
        retryable: boolean;
        message: string;
      };
    };
