import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const KEPT_OUTPUT = 4000;

/**
 * Where a command lies on the PATH.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findCommand(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * @param {string} name
 * @param {string} aptPackage the Debian package that brings it
 * @returns {string} its path
 */
export function requireCommand(name, aptPackage) {
  const file = findCommand(name);
  if (file === undefined) {
    throw new SetupError(
      `${name} is needed and not installed: run ${aptCommand(aptPackage)}, then npm run setup again.`,
    );
  }
  return file;
}

/** @param {string} aptPackage */
export function aptCommand(aptPackage) {
  return `${isRoot() ? '' : 'sudo '}apt-get install -y ${aptPackage}`;
}

export function isRoot() {
  return process.getuid?.() === 0;
}

/**
 * Runs a command without a shell and collects what it prints. The event loop stays free, so that a lock can be renewed.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number, output: string }>} `output` is the end of stdout and stderr together
 */
export function runCommand(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stopChild = () => child.kill();
    process.once('exit', stopChild);
    let output = '';
    let pending = '';
    /** @param {Buffer} chunk */
    const collect = (chunk) => {
      output = (output + chunk).slice(-KEPT_OUTPUT);
      const lines = (pending + chunk).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) options.onLine?.(line);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => {
      process.off('exit', stopChild);
      reject(error);
    });
    child.on('close', (code) => {
      process.off('exit', stopChild);
      resolve({ code: code ?? 1, output: output.trim() });
    });
  });
}
