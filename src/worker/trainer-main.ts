import { MlError } from '../ml/ml-error.js';
import { Interruption, type RunHooks, type RunOutcome } from '../ml/training/training-hooks.js';
import type { TrainerAssignment, TrainerToWorker, WorkerToTrainer } from './trainer-messages.js';

// The trainer: a process for one job attempt, started by the worker. All of TensorFlow runs here.

/** A tenth of the shortest silence that TRAINER_SILENCE_MS can be set to. */
const ALIVE_EVERY_MS = 1000;

/** Why a run stopped when its worker asked it to. */
const cancellation = new Error('the worker asked the trainer to stop');
const interruption = new Interruption('the worker asked the trainer to stop for now');
const cancelled = new AbortController();

// Nobody reads the results of a trainer whose worker is gone, and another worker will take the job.
process.once('disconnect', () => process.exit(1));

// Ctrl-C reaches the whole process group; the worker decides what becomes of the job.
process.on('SIGINT', () => {});

process.on('message', (message: WorkerToTrainer) => {
  if (message.type === 'cancel') cancelled.abort(cancellation);
  else if (message.type === 'pause') cancelled.abort(interruption);
  else void runAndReport(message.assignment);
});

send({ type: 'ready' });
setInterval(() => send({ type: 'alive' }), ALIVE_EVERY_MS).unref();

async function runAndReport(assignment: TrainerAssignment): Promise<void> {
  const ending = await run(assignment).then(
    ({ result, provenance }): TrainerToWorker => ({ type: 'done', result, provenance }),
    toEnding,
  );
  // The callback comes once the message has left the process; exiting earlier could lose it.
  process.send?.(ending, () => process.exit(0));
}

async function run(assignment: TrainerAssignment): Promise<RunOutcome> {
  const { datasetDir, stagingDir: outputDir, decodeThreads, decodedCache } = assignment;
  const options = { datasetDir, outputDir, decodeThreads, decodedCache };
  if (assignment.kind === 'train') {
    const { runTraining } = await import('../ml/training/run-training.js');
    const { request, initFrom, checkpointDir, told } = assignment;
    return runTraining({ ...options, request, initFrom, checkpointDir, told }, hooks);
  }
  if (assignment.kind === 'inspect') {
    const { runInspection } = await import('../ml/inspection/run-inspection.js');
    const { testDatasetDir, request } = assignment;
    const { training } = request;
    return runInspection({ ...options, testDatasetDir, training }, hooks);
  }
  const { runEvaluation } = await import('../ml/evaluation/run-evaluation.js');
  const { modelDir, calibrationDir, request } = assignment;
  return runEvaluation({ ...options, modelDir, calibrationDir, request }, hooks);
}

const hooks: RunHooks = {
  onStarted: (device) => send({ type: 'started', device }),
  onProgress: (progress, metrics) => send({ type: 'progress', progress, metrics }),
  onSteps: (steps) => send({ type: 'steps', steps }),
  onGuard: (event) => send({ type: 'guard', event }),
  onResumed: (from) => send({ type: 'resumed', from }),
  onEpoch: (epoch) => send({ type: 'epoch', epoch }),
  onLog: (level, message) => send({ type: 'log', level, message }),
  signal: cancelled.signal,
};

function toEnding(error: unknown): TrainerToWorker {
  if (error === cancellation) return { type: 'cancelled' };
  if (error === interruption) return { type: 'paused' };
  if (error instanceof MlError) {
    const { code, fault, retryable, message } = error;
    return { type: 'failed', error: { code, fault, retryable, message } };
  }
  const { code, message, stack } = error as NodeJS.ErrnoException;
  send({ type: 'log', level: 'error', message: stack ?? message });
  if (code === 'ENOSPC') {
    const text = 'Expected room on the artifact volume; found the disk full.';
    return {
      type: 'failed',
      error: { code: 'disk_full', fault: 'infrastructure', retryable: false, message: text },
    };
  }
  const text = `Expected the job to run to its end; found an internal error: ${message}.`;
  return {
    type: 'failed',
    error: { code: 'internal', fault: 'infrastructure', retryable: true, message: text },
  };
}

function send(message: TrainerToWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
