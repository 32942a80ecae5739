import { aptCommand, findCommand, isRoot, runCommand } from './commands.mjs';
import { showStep } from './progress.mjs';
import { SetupError } from './setup-error.mjs';

/** The embedded Redis is a program of the machine: Redis, or Valkey, which is the same to BullMQ. */
export function findRedis() {
  return findCommand('redis-server') ?? findCommand('valkey-server');
}

/** Makes sure that a Redis can be started, unless `REDIS_URL` names one that runs. */
export async function setUpRedis() {
  if (process.env.REDIS_URL || findRedis() !== undefined) return;
  const apt = findCommand('apt-get');
  if (!isRoot() || apt === undefined) throw missing('it is not on the PATH');
  await showStep('Installing redis-server with apt', async () => {
    // RUNLEVEL keeps the package from starting a server of its own; the service starts one with its own data folder.
    const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const install = () =>
      runCommand(apt, ['install', '-y', '--no-install-recommends', 'redis-server'], { env });
    let { code, output } = await install();
    if (code !== 0) {
      await runCommand(apt, ['update'], { env });
      ({ code, output } = await install());
    }
    if (code !== 0 || findRedis() === undefined) {
      throw missing(
        `apt-get could not install it: ${output.split('\n').filter((line) => line.startsWith('E:'))[0] ?? output.split('\n').at(-1)}`,
      );
    }
  });
}

/** @param {string} found */
function missing(found) {
  return new SetupError(
    `redis-server (or valkey-server) is needed (${found}): run ${aptCommand('redis-server')}, or set REDIS_URL to a Redis that runs, then npm run setup again.`,
  );
}
