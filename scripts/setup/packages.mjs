import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, runCommand } from './commands.mjs';
import { showStep } from './progress.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Installs the npm packages of the lock file when node_modules holds others or none.
 * @param {string} root
 */
export async function setUpPackages(root) {
  if (packagesMatch(root)) return;
  const npm = findCommand('npm');
  if (npm === undefined) throw new SetupError('npm is needed and not on the PATH: it comes with Node.js.');
  await showStep('Installing npm packages', async () => {
    // Install scripts stay off: the only one among these packages would fetch a TensorFlow of 2022.
    const { code, output } = await runCommand(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: root,
    });
    if (code !== 0) {
      const reason =
        output.split('\n').find((line) => /npm (error|ERR!)/.test(line)) ?? output.split('\n').at(-1);
      throw new SetupError(
        `npm ci failed (${reason}): check the network and npm's registry setting, and run npm run setup again.`,
      );
    }
  });
}

/**
 * Whether node_modules holds what the lock file says, by npm's own record of it. npm writes that record last, so an
 * install that was killed has none.
 * @param {string} root
 */
export function packagesMatch(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === undefined)
    throw new SetupError(`${join(root, 'package-lock.json')} is missing or unreadable.`);
  if (installed === undefined) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    // Optional packages are those of other platforms; npm leaves them out.
    if (found === undefined ? !entry.optional && !entry.peer : found.version !== entry.version) return false;
  }
  return true;
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, peer?: boolean }> | undefined}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? undefined;
  } catch {
    return undefined;
  }
}
