import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import pino from 'pino';
import { type RunningApi, startApi } from '../../src/api/start-api.js';
import type { JobRecord } from '../../src/jobs/job-record.js';
import { TERMINAL_STATES } from '../../src/jobs/job-state.js';
import { startRedis } from './redis-server.js';

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };
export type JobView = JobRecord & { readonly links?: unknown };

const DIST = resolve(import.meta.dirname, '../../dist');

/** Asks until an answer comes. @throws Error that names what was waited for, after `timeoutMs` */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (answer) return answer;
    await setTimeout(25);
  }
  throw new Error(`Expected ${what} within ${timeoutMs} ms; found nothing of it.`);
}

/** A process of the service, from its compiled form, with its log as it comes. */
export class ServiceProcess {
  readonly log: LogLine[] = [];
  readonly ended: Promise<unknown>;
  private readonly child: ChildProcess;
  private errors = '';

  constructor(entry: string, environment: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [join(DIST, entry)], {
      env: { ...process.env, LOG_LEVEL: 'debug', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.child, 'exit');
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error('expected pipes; found none');
    createInterface({ input: stdout }).on('line', (line) => this.log.push(JSON.parse(line) as LogLine));
    stderr.on('data', (chunk) => {
      this.errors += chunk;
    });
  }

  /** The first line whose message holds `text` and whose fields are as given, once it has been written. */
  line(text: string, fields: Readonly<Record<string, unknown>> = {}, timeoutMs = 40_000): Promise<LogLine> {
    return until(`"${text}" in the log (${this.errors})`, timeoutMs, () =>
      this.log.find(
        (line) =>
          line.msg.includes(text) && Object.entries(fields).every(([name, value]) => line[name] === value),
      ),
    );
  }

  /** The process id of the trainer of a job's attempt. */
  async trainerPid(jobId: string, attempt = 1): Promise<number> {
    return Number((await this.line('started a trainer', { jobId, attempt })).trainerPid);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

/** Whether a process runs; one that has ended and waits to be reaped does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat !== null && !/\) [ZX] /.test(stat);
}

/** A Redis, the API in this process, and as many workers as a test starts, on a data folder of their own. */
export class Service {
  private readonly workers: ServiceProcess[] = [];

  private constructor(
    readonly dataDir: string,
    readonly redisUrl: string,
    private readonly api: RunningApi,
    private readonly endRedis: () => Promise<void>,
  ) {}

  static async start(): Promise<Service> {
    const dataDir = await mkdtemp(join(tmpdir(), 'arcqueue-flow-'));
    const folders = { datasetRoot: join(dataDir, 'datasets'), artifactsDir: join(dataDir, 'artifacts') };
    for (const folder of Object.values(folders)) await mkdir(folder);
    const redis = await startRedis();
    const logger = pino({ enabled: false });
    const api = await startApi({ ...folders, redisUrl: redis.url, host: '127.0.0.1', port: 0, logger });
    return new Service(dataDir, redis.url, api, () => redis.stop());
  }

  get datasetRoot(): string {
    return join(this.dataDir, 'datasets');
  }

  startWorker(settings: Readonly<Record<string, string>> = {}): ServiceProcess {
    const environment = { REDIS_URL: this.redisUrl, DATA_DIR: this.dataDir, ...settings };
    const worker = new ServiceProcess('worker/main.js', environment);
    this.workers.push(worker);
    return worker;
  }

  async post(path: string, body?: object): Promise<Response> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
    return fetch(
      this.api.url + path,
      body === undefined ? { method: 'POST' } : { ...init, body: JSON.stringify(body) },
    );
  }

  async submit(kind: 'train' | 'evaluate', request: object): Promise<string> {
    const response = await this.post(`/jobs/${kind}`, request);
    const body = (await response.json()) as { id: string };
    if (response.status !== 202) throw new Error(`expected 202; found ${JSON.stringify(body)}`);
    return body.id;
  }

  fetch(path: string): Promise<Response> {
    return fetch(this.api.url + path);
  }

  async json<T>(path: string): Promise<T> {
    return (await (await this.fetch(path)).json()) as T;
  }

  job(id: string): Promise<JobView> {
    return this.json(`/jobs/${id}`);
  }

  /** Waits for a state. @throws Error when the job ends in another, or 40 s pass */
  async reach(id: string, state: JobRecord['state'], timeoutMs = 40_000): Promise<JobView> {
    return until(`job ${id} to be ${state}`, timeoutMs, async () => {
      const job = await this.job(id);
      if (job.state !== state && TERMINAL_STATES.includes(job.state)) {
        throw new Error(`expected ${state}; found ${job.state}: ${JSON.stringify(job.error)}`);
      }
      return job.state === state && job;
    });
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.end('SIGTERM')));
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.end('SIGKILL')));
    await this.api.close();
    await this.endRedis();
    await rm(this.dataDir, { recursive: true, maxRetries: 5 });
  }
}
