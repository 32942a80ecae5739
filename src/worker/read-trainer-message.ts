import type { TrainerToWorker } from './trainer-messages.js';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const LEVELS: readonly unknown[] = ['debug', 'info', 'warn', 'error'];
const FAULTS: readonly unknown[] = ['user', 'data', 'infrastructure'];

const isText: Check = (value) => typeof value === 'string';
// Not a number and infinity are figures too: of a training that has diverged.
const isNumber: Check = (value) => typeof value === 'number';
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFigures: Check = (value) => isFields(value) && Object.values(value).every(isNumber);
/** `every` alone would pass over the holes of a sparse array. */
const isListOf = (value: unknown, check: Check): value is unknown[] =>
  Array.isArray(value) && [...value].every(check);
const isRow: Check = (value) => isListOf(value, isNumber) && value.length === 4;

const PROGRESS = ['epoch', 'epochs', 'step', 'steps', 'percent', 'imagesPerSecond'];
const isProgress: Check = (value) =>
  isFields(value) &&
  PROGRESS.every((name) => isNumber(value[name])) &&
  (value.secondsLeft === null || isNumber(value.secondsLeft));
const isError: Check = (value) =>
  isFields(value) &&
  isText(value.code) &&
  isText(value.message) &&
  FAULTS.includes(value.fault) &&
  typeof value.retryable === 'boolean';

/** What the fields of a message must be, by its type. */
const CHECKS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  started: { device: isText },
  progress: { progress: isProgress, metrics: isFigures },
  steps: { steps: (value) => isListOf(value, isRow) },
  epoch: { epoch: isFigures },
  guard: { event: isFields },
  log: { level: (value) => LEVELS.includes(value), message: isText },
  done: { result: isFields, provenance: isFields },
  failed: { error: isError },
};

/**
 * A trainer's message, or null for something else. Native code runs in the trainer, so what comes from it is looked at before the
 * worker relies on it. Types that are not known here pass: whoever handles messages leaves them alone.
 */
export function readTrainerMessage(raw: unknown): TrainerToWorker | null {
  if (!isFields(raw) || typeof raw.type !== 'string') return null;
  const checks = Object.hasOwn(CHECKS, raw.type) ? (CHECKS[raw.type] ?? {}) : {};
  const isRight = Object.entries(checks).every(([name, check]) => check(raw[name]));
  return isRight ? (raw as TrainerToWorker) : null;
}
