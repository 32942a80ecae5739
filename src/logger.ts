import { type DestinationStream, type Logger, pino } from 'pino';

/** Header and field values that never reach a log. */
const REDACTED = [
  'req.headers.authorization',
  'req.headers.cookie',
  'password',
  '*.password',
  'redisUrl',
  '*.redisUrl',
];
const CENSOR = '[redacted]';
/** User and password of a URL, up to the last at sign before its path: a password may hold one itself. */
const CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"\\]+@/gi;

/** JSON lines, on standard output unless told otherwise; `process` names the part of the service that writes. */
export function createLogger(level: string, process: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { process },
    redact: { paths: REDACTED, censor: CENSOR },
    // The text of an error can repeat a URL, and no path of a field leads there.
    hooks: { streamWrite: (line: string) => line.replace(CREDENTIALS, `$1${CENSOR}@`) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
