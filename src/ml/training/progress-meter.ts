import type { RunHooks } from './training-hooks.js';

type StepRow = readonly [step: number, loss: number, accuracy: number, learningRate: number];

/** One finished step. */
export type StepDone = {
  readonly images: number;
  readonly seconds: number;
  /** Latest figures by name; asked for only when a report is due. */
  readonly metrics: () => Readonly<Record<string, number>>;
  /** For the history of a training; an evaluation keeps none. */
  readonly row?: StepRow;
};

/** How often rows and progress leave the trainer. */
const REPORT_INTERVAL_MS = 500;
/** Weight of the newest step in the speed that the remaining time is computed from. */
const SPEED_SMOOTHING = 0.1;

/** Turns steps into throttled reports: rows of metrics, progress in percent, images/s and seconds left. */
export class ProgressMeter {
  private rows: StepRow[] = [];
  private lastReportMs = 0;
  private secondsPerStep: number | null = null;

  constructor(
    private readonly run: { readonly epochs: number; readonly steps: number; readonly stepsPerEpoch: number },
    private readonly hooks: RunHooks,
  ) {}

  /** Records one step, numbered from 1. */
  add(step: number, done: StepDone): void {
    if (done.row !== undefined) this.rows.push(done.row);
    const previous = this.secondsPerStep ?? done.seconds;
    this.secondsPerStep = previous + SPEED_SMOOTHING * (done.seconds - previous);
    const isDue = performance.now() - this.lastReportMs >= REPORT_INTERVAL_MS;
    if (isDue || step === this.run.steps) this.report(step, done);
  }

  /** Sends what is still held back. */
  flush(): void {
    if (this.rows.length > 0) this.hooks.onSteps?.(this.rows);
    this.rows = [];
  }

  private report(step: number, { images, metrics }: StepDone): void {
    this.lastReportMs = performance.now();
    this.flush();
    const { epochs, steps, stepsPerEpoch } = this.run;
    const secondsPerStep = this.secondsPerStep ?? 0;
    this.hooks.onProgress?.(
      {
        epoch: Math.min(epochs, Math.floor((step - 1) / stepsPerEpoch) + 1),
        epochs,
        step,
        steps,
        percent: round((100 * step) / steps, 1),
        imagesPerSecond: secondsPerStep > 0 ? round(images / secondsPerStep, 1) : 0,
        secondsLeft: round((steps - step) * secondsPerStep, 1),
      },
      metrics(),
    );
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
