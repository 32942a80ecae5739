/**
 * What went wrong with a file, fit for a user: the first line of the message, which libvips follows with the
 * backtrace of its loaders, and `the file` in place of the server's path.
 */
export function failureReason(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').replaceAll(`'${path}'`, 'the file').replaceAll(path, 'the file');
}
