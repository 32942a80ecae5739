const ERROR_LINE = /^(?:\w*Error)(?: \[\w+\])?: (.+)$/;
const STACK_LINE = /^\s+at |^\s*$|^\S|\{$/;

/**
 * The message that a crashed Node process wrote last, without the stack that follows it.
 * @returns null when there is none
 */
export function crashReason(stderr: string): string | null {
  const lines = stderr.split('\n');
  const at = lines.findLastIndex((line) => ERROR_LINE.test(line));
  const first = ERROR_LINE.exec(lines[at] ?? '')?.[1];
  if (first === undefined) return null;
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => STACK_LINE.test(line));
  return [first, ...rest.slice(0, end === -1 ? rest.length : end)].join('\n');
}
