import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { InferenceError } from './inference-error.js';
import type { FromInference, InferenceAnswer, InferenceTask, ToInference } from './messages.js';

/** From the sources, as tests run, the compiled form is the one that Node can start. */
const ENTRY = fileURLToPath(
  new URL('./inference-main.js', import.meta.url.replace('/src/inference/', '/dist/inference/')),
);
const KILL_AFTER_MS = 2000;
/** A process that has work and says nothing for this long is ended. */
const SILENCE_MS = 120_000;

type Waiting = {
  readonly resolve: (answer: InferenceAnswer) => void;
  readonly reject: (error: unknown) => void;
};

/** One inference process and the requests that it has. */
export class InferenceProcess {
  onExit: () => void = () => {};
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private hasEnded = false;
  private silence: NodeJS.Timeout | undefined;

  constructor({ threads, modelsKept }: { readonly threads: number; readonly modelsKept: number }) {
    this.child = fork(ENTRY, [String(threads), String(modelsKept)], {
      // Images and embeddings cross as bytes and not as JSON.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child.on('message', (message: FromInference) => this.settle(message));
    this.child.on('error', () => this.end());
    this.child.on('exit', () => this.end());
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get load(): number {
    return this.waiting.size;
  }

  run(task: InferenceTask, signal?: AbortSignal): Promise<InferenceAnswer> {
    const id = this.nextId;
    this.nextId += 1;
    const answered = new Promise<InferenceAnswer>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
    });
    const onAbort = () => {
      this.waiting.get(id)?.reject(signal?.reason);
      this.send({ type: 'cancel', id });
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (this.waiting.size === 1) this.listen();
    this.send({ type: 'task', id, task });
    if (this.hasEnded) this.end();
    return answered.finally(() => {
      signal?.removeEventListener('abort', onAbort);
      this.waiting.delete(id);
      if (this.waiting.size === 0) clearTimeout(this.silence);
    });
  }

  send(message: ToInference): void {
    // What cannot be sent to a process that ends is answered by its end.
    if (this.child.connected) this.child.send(message, () => {});
  }

  async close(): Promise<void> {
    if (this.hasEnded) return;
    const exited = once(this.child, 'exit');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), KILL_AFTER_MS);
    if (this.child.connected) this.child.disconnect();
    await exited;
    clearTimeout(timer);
  }

  private listen(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.child.kill('SIGKILL'), SILENCE_MS);
  }

  private settle(message: FromInference): void {
    this.listen();
    const waiting = this.waiting.get(message.id);
    if (this.waiting.size === 0) clearTimeout(this.silence);
    if (message.type === 'answer') waiting?.resolve(message.answer);
    else {
      const { code, fault, message: text } = message.failure;
      waiting?.reject(new InferenceError(code, fault, text));
    }
  }

  private end(): void {
    clearTimeout(this.silence);
    if (!this.hasEnded) this.onExit();
    this.hasEnded = true;
    const message = 'Expected the inference process to answer; found that it ended.';
    for (const { reject } of this.waiting.values())
      reject(new InferenceError('inference_lost', 'lost', message));
  }
}
