import { closeSync, openSync, writeSync } from 'node:fs';
import type { RunHooks } from './training-hooks.js';

/**
 * A training's history as JSON lines. Written at once, a few hundred bytes at a time, so that the file's length always says
 * what has been reported. What a full disk refuses is kept and tried again with the next line.
 */
export class MetricsFile {
  private readonly file: number;
  private pending: Buffer = Buffer.alloc(0);
  private error: unknown = null;
  private bytes = 0;

  /** Begins a new file with `history`. */
  constructor(
    readonly path: string,
    history: Buffer = Buffer.alloc(0),
  ) {
    this.file = openSync(path, 'w');
    this.append(history);
  }

  write(line: object): void {
    this.append(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  /** @throws the disk's error when lines are missing, after one more try */
  assertWhole(): void {
    this.append(Buffer.alloc(0));
    if (this.error !== null) throw this.error;
  }

  /** Bytes of all that was reported; more than the file has while the disk refuses some of it. */
  get reportedBytes(): number {
    return this.bytes + this.pending.length;
  }

  close(): void {
    closeSync(this.file);
  }

  private append(addition: Buffer): void {
    this.pending = Buffer.concat([this.pending, addition]);
    try {
      while (this.pending.length > 0) {
        const written = writeSync(this.file, this.pending, 0, this.pending.length, this.bytes);
        this.bytes += written;
        this.pending = this.pending.subarray(written);
      }
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }
}

/** The same hooks, with every row of metrics written down as well. */
export function recordMetrics(hooks: RunHooks, write: (line: object) => void): RunHooks {
  return {
    ...hooks,
    onSteps: (rows) => {
      for (const [step, loss, accuracy, learningRate] of rows)
        write({ type: 'step', step, loss, accuracy, learningRate });
      hooks.onSteps?.(rows);
    },
    onGuard: (event) => {
      write({ type: 'guard', ...event });
      hooks.onGuard?.(event);
    },
    onEpoch: (summary) => {
      write({ type: 'epoch', ...summary });
      hooks.onEpoch?.(summary);
    },
  };
}
