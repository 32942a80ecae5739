import { availableParallelism } from 'node:os';
import { InferenceError } from './inference-error.js';
import { InferenceProcess } from './inference-process.js';
import type { InferenceAnswer, InferenceOptions, InferenceTask } from './messages.js';

/** The pause before a process that keeps ending is started again grows up to this. */
const MOST_PAUSE_MS = 10_000;
/** A process that lived this long was not broken from the start. */
const HEALTHY_MS = 10_000;

type Slot = { process: InferenceProcess | null; startedAt: number; failures: number; pausedUntil: number };

/**
 * The processes that run networks for the API. They are started by the first requests and fed one after another; each
 * computes together what waits for it.
 */
export class InferencePool {
  private readonly slots: Slot[];
  private outstanding = 0;
  private isClosed = false;

  constructor(private readonly options: InferenceOptions) {
    this.slots = Array.from({ length: options.processes }, () => {
      return { process: null, startedAt: 0, failures: 0, pausedUntil: 0 };
    });
  }

  /** Process ids of those that run. */
  get pids(): number[] {
    return this.slots.flatMap(({ process }) => process?.pid ?? []);
  }

  /** Requests that wait or are computed. */
  get load(): number {
    return this.outstanding;
  }

  /**
   * Computes a task. A signal that fires takes it back: it holds no place any longer.
   * @throws InferenceError `inference_busy` at once when too many wait, `inference_lost` when the process ended, and what
   * the process says; the signal's reason
   */
  async run(task: InferenceTask, signal?: AbortSignal): Promise<InferenceAnswer> {
    signal?.throwIfAborted();
    const { queueLimit } = this.options;
    if (this.outstanding >= queueLimit) {
      const message = `Expected fewer than ${queueLimit} requests for inference at a time; found ${this.outstanding}.`;
      throw new InferenceError('inference_busy', 'busy', message);
    }
    this.outstanding += 1;
    try {
      return await this.leastLoaded().run(task, signal);
    } finally {
      this.outstanding -= 1;
    }
  }

  /** Drops what the processes hold of a gallery. */
  forget(galleryDir: string): void {
    for (const { process } of this.slots) process?.send({ type: 'forget', galleryDir });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.slots.map(({ process }) => process?.close()));
  }

  /** @throws InferenceError `inference_lost` while every process waits to be started again */
  private leastLoaded(): InferenceProcess {
    const now = Date.now();
    if (this.isClosed) throw lost('Expected inference to run; found the service stopping.');
    const ready = this.slots.filter(({ process, pausedUntil }) => process !== null || pausedUntil <= now);
    const [slot] = ready.sort((a, b) => (a.process?.load ?? 0) - (b.process?.load ?? 0));
    if (slot === undefined) throw lost('Expected an inference process; found all of them just ended.');
    slot.process ??= this.start(slot);
    return slot.process;
  }

  private start(slot: Slot): InferenceProcess {
    const { processes, modelsKept } = this.options;
    const threads = this.options.threads || Math.max(1, Math.floor(availableParallelism() / processes));
    const process = new InferenceProcess({ threads, modelsKept });
    slot.startedAt = Date.now();
    process.onExit = () => {
      if (slot.process === process) slot.process = null;
      slot.failures = Date.now() - slot.startedAt < HEALTHY_MS ? slot.failures + 1 : 0;
      // The first end costs no pause: one bad image must not close the door to all.
      const pauseMs = slot.failures <= 1 ? 0 : Math.min(MOST_PAUSE_MS, 100 * 2 ** slot.failures);
      slot.pausedUntil = Date.now() + pauseMs;
    };
    return process;
  }
}

function lost(message: string): InferenceError {
  return new InferenceError('inference_lost', 'lost', message);
}
