import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assertFreeSpace, cacheFolder } from './cache-folder.mjs';
import { aptCommand, findCommand, requireCommand, runCommand } from './commands.mjs';
import {
  compileBinding,
  compileEmbedder,
  compileKernels,
  KERNEL_FLAGS_KEY,
  kernelSources,
} from './compile.mjs';
import { buildFolder } from './engine-folder.mjs';
import { EMBEDDER_FILE, KERNELS_FILE, linkEngine } from './engine-links.mjs';
import { assertPlatform, chooseFlavour, engineKey, TENSORFLOW_VERSION, wheelsOf } from './engine-pins.mjs';
import { countHeaders, findFaults, findHeaderFaults, writeStamp } from './engine-stamp.mjs';
import { withLock } from './lock.mjs';
import { showStep } from './progress.mjs';
import { explainDiskError, SetupError } from './setup-error.mjs';
import { assertChecksum, downloadWheel, unpackWheel } from './wheel.mjs';

// What the finished folder takes, the largest wheel beside it while it is unpacked, and some room.
const NEEDED_BYTES = { cpu: 1.3e9, gpu: 6.5e9 };

/**
 * The folders of one checkout and its engine.
 * @param {string} root the repository
 */
export function enginePaths(root) {
  const tfjs = join(root, 'node_modules/@tensorflow/tfjs-node-gpu');
  const flavour = chooseFlavour(process.env.ENGINE, hasNvidiaDriver());
  const tfjsVersion = JSON.parse(readFileSync(join(tfjs, 'package.json'), 'utf8')).version;
  const sources = {
    kernels: join(root, 'src/ml/engine/native'),
    embedder: join(root, 'src/ml/embedder/native'),
  };
  const engine = join(cacheFolder(), 'engine', engineKey(flavour, tfjsVersion));
  const nodeHeaders = join(root, 'node_modules/node-api-headers/include');
  return {
    tfjs,
    tfjsVersion,
    flavour,
    sources,
    engine,
    nodeHeaders,
    kernels: join(engine, 'kernels', kernelsKey(sources)),
  };
}

/** @typedef {ReturnType<typeof enginePaths>} EnginePaths */

/**
 * Puts TensorFlow, the binding and the kernels in place, doing only what is missing.
 * @param {string} root
 */
export async function setUpEngine(root) {
  assertPlatform();
  const paths = enginePaths(root);
  if (isWhole(paths)) return linkEngine(paths);
  const lockFile = join(cacheFolder(), 'engine.lock');
  const onWait = () =>
    void process.stderr.write('Another set-up is preparing the engine; waiting for it …\n');
  try {
    await withLock(lockFile, () => repair(paths), onWait);
  } catch (error) {
    throw explainDiskError(error, cacheFolder());
  }
  linkEngine(paths);
}

/** @param {EnginePaths} paths */
function isWhole(paths) {
  return findFaults(paths.engine).length === 0 && findFaults(paths.kernels).length === 0;
}

/** @param {EnginePaths} paths */
async function repair(paths) {
  const needsKernels = findFaults(paths.kernels).length > 0;
  const faults = [...findFaults(paths.engine), ...(needsKernels ? findHeaderFaults(paths.engine) : [])];
  if (faults.length > 0) {
    if (existsSync(paths.engine))
      process.stderr.write(`The engine is incomplete (${faults[0]}); setting it up again.\n`);
    await assertTools();
    const wheels = wheelsOf(paths.flavour);
    assertFreeSpace(cacheFolder(), NEEDED_BYTES[paths.flavour]);
    await buildFolder(paths.engine, (draft) => fillEngine(draft, wheels, paths));
  }
  if (findFaults(paths.kernels).length > 0) {
    await showStep('Compiling the kernels', () =>
      buildFolder(paths.kernels, (draft) => fillKernels(draft, paths)),
    );
  }
}

/**
 * @param {string} draft
 * @param {readonly import('./wheel.mjs').Wheel[]} wheels
 * @param {EnginePaths} paths
 */
async function fillEngine(draft, wheels, paths) {
  for (const wheel of wheels) await fetchWheel(wheel, draft);
  await showStep("Compiling TensorFlow's binding", async () => {
    const objects = join(draft, 'objects');
    await compileBinding(paths.tfjs, join(draft, 'tfjs_binding.node'), {
      tensorflow: join(draft, 'tensorflow'),
      nodeHeaders: paths.nodeHeaders,
      objects,
    });
    rmSync(objects, { recursive: true });
  });
  const about = {
    flavour: paths.flavour,
    tensorflow: TENSORFLOW_VERSION,
    tfjs: paths.tfjsVersion,
    headers: countHeaders(draft),
  };
  writeStamp(draft, about, libraryFiles(draft));
}

/**
 * @param {import('./wheel.mjs').Wheel} wheel
 * @param {string} draft
 */
async function fetchWheel(wheel, draft) {
  const folder = join(draft, 'download');
  mkdirSync(folder);
  const title = `${wheel.name} ${wheel.version} (${Math.ceil(wheel.bytes / 1e6)} MB)`;
  const file = await showStep(`Downloading ${title}`, async (step) => {
    const downloaded = await downloadWheel(wheel, folder, step.update);
    await assertChecksum(downloaded, wheel);
    return downloaded;
  });
  await showStep(`Unpacking ${title}`, (step) => unpackWheel(file, wheel, draft, step.update));
  rmSync(folder, { recursive: true });
}

/**
 * Every library of the draft, by path inside it.
 * @param {string} draft
 */
function libraryFiles(draft) {
  const entries = readdirSync(draft, { recursive: true });
  return entries
    .map(String)
    .filter((path) => /\.(node|so(\.\d+)*)$/.test(path))
    .sort();
}

/**
 * @param {string} draft
 * @param {EnginePaths} paths
 */
async function fillKernels(draft, paths) {
  const objects = join(draft, 'objects');
  const { sources, nodeHeaders } = paths;
  const tensorflow = join(paths.engine, 'tensorflow');
  await compileKernels(sources.kernels, join(draft, KERNELS_FILE), { tensorflow, nodeHeaders, objects });
  await compileEmbedder(sources, join(draft, EMBEDDER_FILE), { nodeHeaders, objects });
  rmSync(objects, { recursive: true });
  const about = { flavour: paths.flavour, tensorflow: TENSORFLOW_VERSION, tfjs: paths.tfjsVersion };
  writeStamp(draft, about, [KERNELS_FILE, EMBEDDER_FILE]);
}

/** @param {{ kernels: string, embedder: string }} sources */
function kernelsKey(sources) {
  const hash = createHash('sha256').update(KERNEL_FLAGS_KEY);
  for (const folder of Object.values(sources)) {
    for (const file of kernelSources(folder))
      hash.update(file.slice(folder.length)).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Before the long download, not after it. */
async function assertTools() {
  requireCommand('g++', 'g++');
  requireCommand('python3', 'python3 python3-pip');
  const pip = await runCommand('python3', ['-m', 'pip', '--version']);
  if (pip.code !== 0) {
    throw new SetupError(
      `pip is needed and not installed: run ${aptCommand('python3-pip')}, then npm run setup again.`,
    );
  }
}

export function hasNvidiaDriver() {
  return findCommand('nvidia-smi') !== undefined || existsSync('/proc/driver/nvidia/version');
}
