import { resolve } from 'node:path';
import { StartError } from './start-error.js';

type Setting<T> = {
  readonly variable: string;
  readonly description: string;
  /** Shown by --help where no fixed default exists. */
  readonly defaultText: string;
  readonly read: (text: string | undefined) => T;
};

/** A value that a setting does not take; collected, so that all wrong settings are told at once. */
class SettingError extends Error {}

function text(variable: string, fallback: string, description: string): Setting<string> {
  return { variable, description, defaultText: fallback, read: (value) => value ?? fallback };
}

function folder(variable: string, fallback: string, description: string): Setting<string> {
  return { variable, description, defaultText: fallback, read: (value) => resolve(value ?? fallback) };
}

function optional(variable: string, defaultText: string, description: string): Setting<string | undefined> {
  return { variable, description, defaultText, read: (value) => value };
}

function integer(
  variable: string,
  fallback: number,
  range: readonly [minimum: number, maximum: number],
  description: string,
): Setting<number> {
  const [minimum, maximum] = range;
  const read = (value: string | undefined): number => {
    if (value === undefined) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= minimum && number <= maximum) return number;
    throw new SettingError(
      `${variable}: expected an integer from ${minimum} to ${maximum}; found "${value}"`,
    );
  };
  return { variable, description, defaultText: String(fallback), read };
}

function keyPrefix(variable: string, fallback: string, description: string): Setting<string> {
  const read = (value: string | undefined): string => {
    if (value === undefined || /^[\w{}.-]{1,64}$/.test(value)) return value ?? fallback;
    throw new SettingError(
      `${variable}: expected up to 64 letters, digits and any of _ . - { }; found "${value}"`,
    );
  };
  return { variable, description, defaultText: fallback, read };
}

function choice<T extends string>(
  variable: string,
  choices: readonly T[],
  fallback: T,
  description: string,
): Setting<T> {
  const read = (value: string | undefined): T => {
    const chosen = value === undefined ? fallback : choices.find((each) => each === value);
    if (chosen !== undefined) return chosen;
    throw new SettingError(`${variable}: expected one of ${choices.join(', ')}; found "${value}"`);
  };
  return { variable, description, defaultText: fallback, read };
}

function choices<T extends string>(
  variable: string,
  known: readonly T[],
  description: string,
): Setting<readonly T[]> {
  const read = (value: string | undefined): readonly T[] => {
    const asked = (value ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean);
    const chosen = known.filter((each) => asked.includes(each));
    if (chosen.length === new Set(asked).size) return chosen;
    throw new SettingError(`${variable}: expected any of ${known.join(', ')}; found "${value}"`);
  };
  return { variable, description, defaultText: 'none', read };
}

function redisUrl(variable: string, description: string): Setting<string | undefined> {
  const read = (value: string | undefined): string | undefined => {
    if (value === undefined || /^(rediss?:\/\/[^/]+|unix:\/\/\/)/.test(value)) return value;
    throw new SettingError(
      `${variable}: expected a URL such as redis://host:6379; found one of another form`,
    );
  };
  return { variable, description, defaultText: 'an embedded Redis', read };
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const SETTINGS = {
  host: text('HOST', '127.0.0.1', 'Address that the API listens on.'),
  port: integer('PORT', 8080, [0, 65_535], 'Port of the API; 0 takes a free one.'),
  redisUrl: redisUrl(
    'REDIS_URL',
    'Redis that holds records and queue; needed where API and workers run apart.',
  ),
  queuePrefix: keyPrefix(
    'QUEUE_PREFIX',
    'arcqueue',
    'Start of every key in Redis; another one keeps two services apart.',
  ),
  dataDir: folder('DATA_DIR', './data', 'Folder of everything that the service keeps.'),
  datasetRoot: optional(
    'DATASET_ROOT',
    'DATA_DIR/datasets',
    'Folder that dataset locations are relative to.',
  ),
  artifactsDir: optional(
    'ARTIFACT_ROOT',
    'DATA_DIR/artifacts',
    'Folder that models and reports are published to.',
  ),
  logLevel: choice('LOG_LEVEL', LOG_LEVELS, 'info', 'Least severe log line that is written.'),
  decodeThreads: integer('DECODE_THREADS', 1, [1, 64], 'Threads of a job that decode images.'),
  decodedCacheDir: optional(
    'DECODED_CACHE_DIR',
    'DATA_DIR/decoded-cache',
    'Folder of decoded images, kept for later epochs and jobs.',
  ),
  decodedCacheBytes: integer(
    'DECODED_CACHE_BYTES',
    2 * 1024 ** 3,
    [0, Number.MAX_SAFE_INTEGER],
    'Bytes that decoded images may take there; 0 keeps none.',
  ),
  cancelGraceMs: integer(
    'CANCEL_GRACE_MS',
    2000,
    [0, 60_000],
    'Time between asking a trainer to stop and SIGTERM.',
  ),
  trainerSilenceMs: integer(
    'TRAINER_SILENCE_MS',
    1_800_000,
    [10_000, 86_400_000],
    'Time without a sign of life after which a trainer is ended and its job tried again.',
  ),
  bullBoard: choice(
    'BULL_BOARD',
    ['off', 'on'] as const,
    'off',
    "Whether the API shows BullMQ's own view of the queue at /admin/queues, to keys with the scope admin.",
  ),
  auth: choice(
    'AUTH',
    ['auto', 'required', 'off'] as const,
    'auto',
    'When keys are asked for; auto: once one was made, and always where HOST is not loopback; off: on loopback only.',
  ),
  openWithoutKey: choices(
    'OPEN_WITHOUT_KEY',
    ['docs', 'metrics'] as const,
    'What is open to everyone although keys are asked for: docs, metrics or both, with a comma.',
  ),
  rateLimitPerMinute: integer(
    'RATE_LIMIT_PER_MINUTE',
    1200,
    [0, 1_000_000],
    'Requests of one key that are answered in a minute; 0: any number.',
  ),
  rateLimitPerAddress: integer(
    'RATE_LIMIT_PER_ADDRESS',
    60,
    [0, 1_000_000],
    'Requests without a valid key of one address that are answered in a minute; 0: any number.',
  ),
  maxQueuedJobs: integer(
    'MAX_QUEUED_JOBS',
    10_000,
    [0, 10_000_000],
    'Queued jobs of one owner; 0: any number.',
  ),
  maxRunningJobs: integer(
    'MAX_RUNNING_JOBS',
    0,
    [0, 100_000],
    'Jobs of one owner that workers hold at once, further ones wait; 0: any number.',
  ),
  maxRuntimeSeconds: integer(
    'MAX_RUNTIME_SECONDS',
    0,
    [0, 31_536_000],
    'Time that workers may hold any job, whatever its own maxRuntimeSeconds; 0: any time.',
  ),
  maxBodyBytes: integer('MAX_BODY_BYTES', 65_536, [1024, 16_777_216], "Bytes of a request's body."),
  maxOpenStreams: integer(
    'MAX_OPEN_STREAMS',
    1000,
    [1, 100_000],
    'Event and log streams that one API process holds open.',
  ),
  minFreeDiskBytes: integer(
    'MIN_FREE_DISK_BYTES',
    1024 ** 3,
    [0, Number.MAX_SAFE_INTEGER],
    'Bytes that must be free for artifacts before a job is accepted; 0: whatever is free.',
  ),
  inferenceProcesses: integer(
    'INFERENCE_PROCESSES',
    1,
    [1, 64],
    'Processes of an API that embed, verify and identify; started by the first request.',
  ),
  inferenceThreads: integer(
    'INFERENCE_THREADS',
    0,
    [0, 256],
    "Threads of each of them; 0 shares out the machine's.",
  ),
  inferenceQueue: integer(
    'INFERENCE_QUEUE',
    64,
    [1, 10_000],
    'Requests of an API that may wait for them or be computed; one more is answered 503.',
  ),
  inferenceModels: integer('INFERENCE_MODELS', 4, [1, 1000], 'Models that each of them keeps in memory.'),
  workerDevice: choice(
    'WORKER_DEVICE',
    ['auto', 'cpu', 'gpu'] as const,
    'auto',
    'Device that a worker offers to jobs; auto: gpu where there is an NVIDIA driver.',
  ),
  workerMemoryBytes: integer(
    'WORKER_MEMORY_BYTES',
    0,
    [0, Number.MAX_SAFE_INTEGER],
    'Memory that a worker offers to a job; 0: that of the machine or container.',
  ),
  lockDurationMs: integer(
    'LOCK_DURATION_MS',
    30_000,
    [1000, 3_600_000],
    'Time after which a silent worker counts as lost and its job is taken again.',
  ),
} as const satisfies Record<string, Setting<unknown>>;

type Values = { readonly [Name in keyof typeof SETTINGS]: ReturnType<(typeof SETTINGS)[Name]['read']> };
export type Config = Readonly<
  Omit<Values, 'datasetRoot' | 'artifactsDir' | 'decodedCacheDir'> & {
    datasetRoot: string;
    artifactsDir: string;
    decodedCacheDir: string;
  }
>;

/**
 * Reads all settings from an environment, which nothing else of the service does. An empty value counts as unset.
 * @throws StartError that lists every wrong setting with what was expected and what was found
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [name, setting] of Object.entries(SETTINGS)) {
    try {
      values[name] = setting.read(environment[setting.variable] || undefined);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      faults.push(error.message);
    }
  }
  if (faults.length > 0) throw new StartError(`These settings are wrong:\n  ${faults.join('\n  ')}`);
  const read = values as Values;
  return Object.freeze({
    ...read,
    datasetRoot: resolve(read.datasetRoot ?? `${read.dataDir}/datasets`),
    artifactsDir: resolve(read.artifactsDir ?? `${read.dataDir}/artifacts`),
    decodedCacheDir: resolve(read.decodedCacheDir ?? `${read.dataDir}/decoded-cache`),
  });
}

/** One line per setting, for --help. */
export function describeConfig(): string {
  const lines = Object.values(SETTINGS).map(
    ({ variable, defaultText, description }) =>
      `  ${variable.padEnd(24)}${description}\n${' '.repeat(26)}Default: ${defaultText}`,
  );
  return `Settings, read from the environment:\n${lines.join('\n')}\n`;
}
