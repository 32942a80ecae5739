/** libvips' account of each place in a file that it looked at in vain; what it made of that follows. */
const SEARCH = /^source: bad seek/;

/**
 * What went wrong with a file, fit for a user: the one line of the message that says it, with `the file` in place
 * of the server's path.
 */
export function failureReason(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.split('\n').find((text) => text.trim() !== '' && !SEARCH.test(text));
  return (line ?? message).replaceAll(`'${path}'`, 'the file').replaceAll(path, 'the file');
}
