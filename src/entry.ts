import { type Config, describeConfig, loadConfig } from './config.js';
import { StartError } from './start-error.js';

/**
 * An entry of the service: answers --help, else starts it with the settings of the environment. A start that fails
 * ends the process with 1 and says why on standard error.
 * @param usage the command and what it does
 */
export async function runEntry(usage: string, start: (config: Config) => Promise<void>): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`Usage: ${usage}\n\n${describeConfig()}`);
    return;
  }
  try {
    await start(loadConfig());
  } catch (error) {
    process.stderr.write(`Could not start. ${describeFailure(error)}\n`);
    process.exit(1);
  }
}

function describeFailure(error: unknown): string {
  if (error instanceof StartError) return error.message;
  const { code, path, port, syscall, stack } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') {
    return `Expected port ${port} to be free; found it in use. PORT names another; 0 takes a free one.`;
  }
  if (code === 'EACCES' && syscall === 'listen') {
    return `Expected port ${port} to be one that this user may open; found it refused.`;
  }
  if (path !== undefined && ['EACCES', 'EROFS', 'ENOTDIR', 'ENOSPC'].includes(code ?? '')) {
    return `Expected to write to ${path}; found ${code}.`;
  }
  return stack ?? String(error);
}
