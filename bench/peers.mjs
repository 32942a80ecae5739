// The other side of the benchmarks: a Python with the packages that arcqueue is compared with.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../scripts/setup/cache-folder.mjs';
import { withLock } from '../scripts/setup/lock.mjs';

/** Versions that belong together. PyPI's torch brings CUDA; the index below has the same without it. */
const PINS = {
  numpy: '2.4.6',
  torch: '2.13.0',
  torchvision: '0.28.0',
  onnxruntime: '1.32.0',
  openvino: '2026.4.1',
};
const TORCH_CPU_INDEX = 'https://download.pytorch.org/whl/cpu';

/**
 * A Python that can import `packages`. The variable PYTHON names one outright; else a virtual environment of exactly
 * these packages is made in the cache folder, once, and kept.
 * @param {readonly (keyof typeof PINS)[]} packages
 * @returns {Promise<string>} the interpreter's path
 * @throws Error when PYTHON lacks a package, or pip cannot install one
 */
export async function peerPython(packages) {
  const named = process.env.PYTHON;
  if (named) {
    assertImports(named, packages);
    return named;
  }
  const requirements = packages.map((name) => `${name}==${PINS[name]}`).sort();
  const key = createHash('sha256').update(requirements.join(' ')).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), 'peers', key);
  const done = join(folder, 'arcqueue-complete');
  if (!existsSync(done)) {
    await withLock(`${folder}.lock`, async () => {
      if (!existsSync(done)) install(folder, requirements, done);
    });
  }
  return join(folder, 'bin/python');
}

/** The stamp is written last: a folder without it is half-done and made anew. */
function install(folder, requirements, done) {
  console.log(`Installing ${requirements.join(', ')} into ${folder} …`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run('python3', ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--extra-index-url', TORCH_CPU_INDEX, ...requirements];
  run(join(folder, 'bin/python'), pip);
  writeFileSync(done, requirements.join('\n'));
}

function assertImports(python, packages) {
  run(python, ['-c', packages.map((name) => `import ${name}`).join('\n')]);
}

function run(command, args) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed:\n${error?.message ?? stderr.slice(-2000)}`);
  }
}
