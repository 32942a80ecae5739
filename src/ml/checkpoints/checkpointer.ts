import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { RunHooks } from '../training/training-hooks.js';
import { disposeState, type StepBoundary } from '../training/training-state.js';
import type { CheckpointIdentity } from './checkpoint-format.js';
import { type CheckpointSettings, isCheckpointDue, type LastCheckpoint } from './checkpoint-schedule.js';
import type { CheckpointReply } from './checkpoint-thread.js';
import { copyValues, layOut } from './state-bytes.js';
import type { CheckpointContent } from './write-checkpoint.js';

/** Node starts the compiled form only. The way to it is the same from the sources, which tests run, and from dist. */
const THREAD_ENTRY = new URL('../../../dist/ml/checkpoints/checkpoint-thread.js', import.meta.url);

export type CheckpointerOptions = CheckpointSettings & {
  readonly dir: string;
  readonly identity: CheckpointIdentity;
  /** The history of metrics as it is now; all that was reported before is in it. */
  readonly metrics: () => CheckpointContent['metrics'];
  readonly hooks: Pick<RunHooks, 'onLog'>;
};

/**
 * Takes checkpoints of a training and has them written in a thread of its own. Training waits for the copy in memory
 * alone. A checkpoint that cannot be written is told in the log; the training goes on, and the ones before it stay.
 */
export class Checkpointer {
  private readonly thread = new Worker(THREAD_ENTRY);
  private writing: Promise<void> | null = null;
  private last: LastCheckpoint;
  /** Shared with the thread, and used again: fresh memory of this size costs more than the copy. */
  private memory = new SharedArrayBuffer(0);
  /** How long training has waited for checkpoints, and how many there were. */
  waitedMs = 0;
  count = 0;

  constructor(private readonly options: CheckpointerOptions) {
    this.thread.unref();
    this.last = { step: 0, takenAtMs: performance.now(), waitedMs: 0, isWriting: false };
  }

  /** Goes on counting from here. */
  startAt(step: number): void {
    this.last = { ...this.last, step };
  }

  /** Takes a checkpoint when one is due. Resolves once training can go on. */
  async offer(boundary: StepBoundary, { isEpochEnd }: { readonly isEpochEnd: boolean }): Promise<void> {
    const moment = { step: boundary.progress.step, isEpochEnd, nowMs: performance.now() };
    const last = { ...this.last, isWriting: this.writing !== null };
    if (isCheckpointDue(moment, last, this.options)) await this.take(boundary);
  }

  /** Takes a checkpoint, after the one before is written. */
  async take({ progress, takeState }: StepBoundary): Promise<void> {
    const startedAt = performance.now();
    await this.writing;
    const { dir, identity, metrics } = this.options;
    const { tensors, ...plain } = takeState();
    const { stored, bytes } = layOut(tensors);
    if (this.memory.byteLength < bytes) this.memory = new SharedArrayBuffer(bytes);
    copyValues(tensors, stored, this.memory);
    disposeState({ ...plain, tensors });
    const { epoch, step, best, last } = progress;
    const content: CheckpointContent = {
      ...{ dir, identity, epoch, step },
      isBest: progress.batchIndex === 0 && best !== null && best.epoch === last?.epoch,
      stateJson: JSON.stringify({ ...plain, tensors: stored }),
      tensors: new Uint8Array(this.memory, 0, bytes),
      metrics: metrics(),
    };
    this.writing = this.write(content).finally(() => {
      this.writing = null;
    });
    const waitedMs = performance.now() - startedAt;
    this.last = { step, takenAtMs: performance.now(), waitedMs, isWriting: true };
    this.waitedMs += waitedMs;
    this.count += 1;
  }

  /** Resolves once nothing is being written any more. */
  async settle(): Promise<void> {
    await this.writing;
  }

  async close(): Promise<void> {
    await this.settle();
    await this.thread.terminate();
  }

  private async write(content: CheckpointContent): Promise<void> {
    this.thread.ref();
    this.thread.postMessage(content);
    const [{ error }] = (await once(this.thread, 'message').catch((failure: Error) => [
      { error: { code: 'THREAD', message: failure.message } },
    ])) as [CheckpointReply];
    this.thread.unref();
    if (error === null) return;
    this.options.hooks.onLog?.(
      'warn',
      `${describe(error)}; the training goes on with the last good checkpoint`,
    );
  }
}

function describe({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'a checkpoint could not be written: the disk is full';
  if (code === 'ENOENT') return 'a checkpoint was not written: another attempt holds the job';
  // The message of a disk's error holds a path of the server.
  return `a checkpoint could not be written: ${code === 'UNKNOWN' || code === 'THREAD' ? message : code}`;
}
