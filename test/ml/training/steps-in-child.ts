import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** What steps-in-child.mjs prints. */
export type ChildSteps = {
  readonly hasKernels: boolean;
  /** All threads of the process, those of TensorFlow and of Node. */
  readonly threads: number;
  readonly losses: readonly number[];
  /** SHA-256 over all parameters and moving statistics after the last step. */
  readonly weights: string;
};

type ChildOptions = {
  /** Folder of the compiled src/ml. */
  readonly ml: string;
  readonly architecture: string;
  /** Among how many threads TensorFlow divides one operation's work. */
  readonly threads: number;
};

/** Steps of a training in a process of its own, because TensorFlow reads its number of threads once, when it starts. */
export async function runStepsInChild({ ml, architecture, threads }: ChildOptions): Promise<ChildSteps> {
  const script = await readFile(new URL('./steps-in-child.mjs', import.meta.url), 'utf8');
  const args = ['--input-type=module', '-e', script, pathToFileURL(`${ml}/`).href, architecture];
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: String(threads) };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout) as ChildSteps;
}
