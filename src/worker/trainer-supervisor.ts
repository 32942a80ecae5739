import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { JobError } from '../jobs/job-error.js';
import { readTrainerMessage } from './read-trainer-message.js';
import type { TrainerAssignment, TrainerToWorker, WorkerToTrainer } from './trainer-messages.js';

/** Time between SIGTERM and SIGKILL; with the grace before it, a stop takes less than 5 s. */
const TERM_TO_KILL_MS = 1500;
/** Messages of the trainer that end its work. */
type Ending = Extract<TrainerToWorker, { type: 'done' | 'cancelled' | 'paused' | 'failed' }>;

/** How a trainer that was told to stop came to its end. */
export type StoppedBy = 'request' | 'SIGTERM' | 'SIGKILL';

export type TrainerOutcome =
  | Extract<TrainerToWorker, { type: 'done' }>
  | { readonly type: 'cancelled'; readonly by: StoppedBy }
  | { readonly type: 'paused'; readonly by: StoppedBy };

export type SupervisorOptions = {
  readonly entry: string;
  readonly cancelGraceMs: number;
  /** A trainer that says nothing for this long is ended. */
  readonly silenceMs: number;
  readonly log: Logger;
  /** Every message of the trainer, in order, the ending included. */
  readonly onMessage: (message: TrainerToWorker) => void;
};

/** From the sources, as tests run, the trainer's compiled form is the one that Node can start. */
export function trainerEntry(): string {
  return fileURLToPath(
    new URL('./trainer-main.js', import.meta.url.replace('/src/worker/', '/dist/worker/')),
  );
}

/**
 * One trainer process for one job attempt: starts it, passes its messages on, stops it when asked, and says how
 * it ended. The process is gone once `outcome` settles.
 */
export class TrainerSupervisor {
  /**
   * @throws JobError as the trainer reported it, `trainer_lost` when it ended without a word, `trainer_silent` when it
   * had to be ended because none came, `trainer_garbled` when one was of no known form
   */
  readonly outcome: Promise<TrainerOutcome>;
  private readonly child: ChildProcess;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly silence: NodeJS.Timeout;
  private isCancelling = false;
  private isPausing = false;
  private isStopping = false;
  private expiry: JobError | null = null;
  private stoppedBy: StoppedBy = 'request';
  private isSilent = false;
  private isGarbled = false;

  constructor(
    assignment: TrainerAssignment,
    private readonly options: SupervisorOptions,
  ) {
    this.child = fork(options.entry, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    yieldToWorker(this.child);
    this.silence = setTimeout(() => this.endSilent(), options.silenceMs);
    this.outcome = this.follow(assignment);
    this.logOutput();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Asks the trainer to stop; one that does not is ended by SIGTERM, then by SIGKILL. */
  cancel(): void {
    this.isCancelling = true;
    this.stop();
  }

  /**
   * Asks the trainer to stop after a checkpoint, and ends it in the same way when it does not: then the last checkpoint that it took
   * is what stays.
   */
  pause(): void {
    this.isPausing = true;
    this.stop('pause');
  }

  /** Ends the trainer in the same way, because its job's time is up; one that is done by then has made it. */
  expire(failure: JobError): void {
    this.expiry = failure;
    this.stop();
  }

  private stop(type: 'cancel' | 'pause' = 'cancel'): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.send({ type });
    const { cancelGraceMs } = this.options;
    this.timers.push(setTimeout(() => this.stopBy('SIGTERM'), cancelGraceMs));
    this.timers.push(setTimeout(() => this.stopBy('SIGKILL'), cancelGraceMs + TERM_TO_KILL_MS));
  }

  private stopBy(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.stoppedBy = signal;
    this.child.kill(signal);
  }

  /** Ends the trainer at once, for a worker that has lost the job. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async follow(assignment: TrainerAssignment): Promise<TrainerOutcome> {
    let ending: Ending | null = null;
    this.child.on('message', (raw: unknown) => {
      this.silence.refresh();
      const message = readTrainerMessage(raw);
      if (message === null) return this.endGarbled();
      if (message.type === 'ready') this.send({ type: 'assign', assignment });
      if (isEnding(message)) ending ??= message;
      this.options.onMessage(message);
    });
    const exit = await new Promise<string>((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    for (const timer of [this.silence, ...this.timers]) clearTimeout(timer);
    return this.judge(ending, exit);
  }

  private judge(ending: Ending | null, exit: string): TrainerOutcome {
    if (this.isCancelling) return { type: 'cancelled', by: this.stoppedBy };
    if (this.isGarbled) {
      const text = 'Expected messages of the known forms from the trainer; found another one, and ended it.';
      throw new JobError('trainer_garbled', 'infrastructure', text, true);
    }
    if (ending?.type === 'done') return ending;
    if (this.expiry !== null) throw this.expiry;
    if (ending?.type === 'failed') throw JobError.from(ending.error);
    if (this.isPausing) return { type: 'paused', by: this.stoppedBy };
    if (this.isSilent) {
      const seconds = this.options.silenceMs / 1000;
      const text = `Expected a sign of life from the trainer within ${seconds} s; found none, and ended it.`;
      throw new JobError('trainer_silent', 'infrastructure', text, true);
    }
    const hint =
      exit === 'SIGKILL' ? ' The machine may be out of memory; a smaller batchSize needs less.' : '';
    const message = `Expected the trainer to report its end; found it gone with ${exit}.${hint}`;
    throw new JobError('trainer_lost', 'infrastructure', message, true);
  }

  /** Its loop is blocked for good, so there is nothing to ask it. */
  private endSilent(): void {
    this.isSilent = true;
    this.kill();
  }

  /** What it says next could not be trusted either. */
  private endGarbled(): void {
    this.isGarbled = true;
    this.kill();
  }

  private send(message: WorkerToTrainer): void {
    // A trainer that is gone needs no message; its end is told by `outcome`.
    if (this.child.connected) this.child.send(message, () => {});
  }

  private logOutput(): void {
    const { log } = this.options;
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => log.debug({ line }, 'trainer output'));
    }
  }
}

function isEnding(message: TrainerToWorker): message is Ending {
  return ['done', 'cancelled', 'paused', 'failed'].includes(message.type);
}

/** Where processors are few, the trainer's many threads would otherwise hold up the worker's one. */
function yieldToWorker({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Gone already, or not allowed: it then runs at the worker's own priority.
  }
}
