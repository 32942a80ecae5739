// Puts in place what a checkout needs to run: npm packages, the native engine, Redis, the compiled TypeScript. Runs
// before any package is installed, so it uses none. Each step does nothing when there is nothing to do.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setUpBuild } from './setup/build.mjs';
import { setUpEngine } from './setup/engine.mjs';
import { setUpPackages } from './setup/packages.mjs';
import { setUpRedis } from './setup/redis.mjs';
import { SetupError } from './setup/setup-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const OLDEST_NODE = 20;
const USAGE = `Usage: npm run setup -- [--quiet] [--without engine] [--without redis]

  --quiet          say nothing when nothing has to be done
  --without PART   leave out engine or redis; may be given twice

Environment: ENGINE (cpu or gpu; else by what the machine has), ARCQUEUE_CACHE (where the engine is kept),
REDIS_URL (a Redis that runs; none is looked for then).
`;

/** In the order they need each other. */
const STEPS = {
  packages: () => setUpPackages(ROOT),
  engine: () => setUpEngine(ROOT),
  redis: () => setUpRedis(),
  build: () => setUpBuild(ROOT),
};
const OPTIONAL_STEPS = ['engine', 'redis'];

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        quiet: { type: 'boolean', default: false },
        without: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    });
    const unknown = values.without.find((part) => !OPTIONAL_STEPS.includes(part));
    if (unknown !== undefined)
      throw new SetupError(`--without expects engine or redis and got "${unknown}".`);
    return values;
  } catch (error) {
    throw error instanceof SetupError
      ? error
      : new SetupError(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
  }
}

async function main() {
  const options = readOptions();
  if (options.help) return void process.stdout.write(USAGE);
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new SetupError(`Node.js ${OLDEST_NODE} or later is needed and this is ${process.version}.`);
  }
  for (const [name, run] of Object.entries(STEPS)) {
    if (!options.without.includes(name)) await run();
  }
  if (!options.quiet) process.stderr.write('Everything is in place.\n');
}

// An interrupt goes through exit, where children are stopped; drafts and locks that remain are recognised next time.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => process.exit(130));

main().catch((error) => {
  process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
