/** What ioredis says, in messages without a class or code of their own, when a command could not be sent or answered. */
const MESSAGES = [
  /^Connection is closed/,
  /^Stream isn't writeable/,
  /^Command timed out/,
  /^Command aborted due to connection close/,
];
const NAMES = new Set(['MaxRetriesPerRequestError', 'AbortError', 'ClusterAllFailedError']);
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
/** Replies of a Redis that is up but cannot serve: starting, full, a replica without its master. */
const REPLIES = /^(LOADING|OOM|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN)\b/;

/** Whether an error says that Redis cannot be used now, as opposed to a mistake in how it is used. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException & { syscall?: string };
  if (error.name === 'ReplyError') return REPLIES.test(error.message);
  if (NAMES.has(error.name)) return true;
  // The same codes on a file or a client's own socket carry no connecting system call.
  if (code !== undefined && CODES.has(code)) return /connect|getaddrinfo|read|write/.test(syscallOf(error));
  return MESSAGES.some((message) => message.test(error.message));
}

function syscallOf(error: NodeJS.ErrnoException): string {
  return error.syscall ?? '';
}
