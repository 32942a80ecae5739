/** A set-up that cannot go on, in one sentence that says what is wrong and what to do. Shown without a stack. */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'SetupError';
  }
}

/**
 * Turns a full disk into a sentence; any other error passes unchanged.
 * @param {unknown} error
 * @param {string} folder where the bytes were going
 * @returns {unknown}
 */
export function explainDiskError(error, folder) {
  const code = /** @type {{ code?: string }} */ (error)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SetupError(
      `The disk that holds ${folder} is full: free some space, or set ARCQUEUE_CACHE to a folder on another disk, and run npm run setup again.`,
    );
  }
  // Node's recursive mkdir says ENOENT where it means a read-only file system.
  if (code === 'EACCES' || code === 'EROFS' || (code === 'ENOENT' && isMkdir(error))) {
    return new SetupError(
      `${folder} cannot be written: make it writable, or set ARCQUEUE_CACHE to a folder that is.`,
    );
  }
  return error;
}

/** @param {unknown} error */
function isMkdir(error) {
  return /** @type {{ syscall?: string }} */ (error).syscall === 'mkdir';
}
