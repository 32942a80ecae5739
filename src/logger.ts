import { type Logger, pino } from 'pino';

/** Header and field values that never reach a log. */
const REDACTED = [
  'req.headers.authorization',
  'req.headers.cookie',
  'password',
  '*.password',
  'redisUrl',
  '*.redisUrl',
];

/** JSON lines on standard output; `process` names the part of the service that writes. */
export function createLogger(level: string, process: string): Logger {
  return pino({ level, base: { process }, redact: { paths: REDACTED, censor: '[redacted]' } });
}
