import { mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { requireCommand, runCommand } from './commands.mjs';
import { SetupError } from './setup-error.mjs';

const COMMON_FLAGS = ['-fPIC', '-std=c++17', '-DNAPI_VERSION=8', '-DNDEBUG', '-w'];
const BINDING_FLAGS = ['-O2'];
// -fno-trapping-math lets max and min become vector instructions; they keep NaN as it is, unlike -ffast-math.
const KERNEL_FLAGS = [
  '-O3',
  '-fno-trapping-math',
  '-fvisibility=hidden',
  '-DNODE_GYP_MODULE_NAME=arcqueue_kernels',
];

const EMBEDDER_FLAGS = [
  '-O3',
  '-fno-trapping-math',
  '-fvisibility=hidden',
  '-DNODE_GYP_MODULE_NAME=arcqueue_embedder',
];

/** The matrix product and the Winograd transforms, which the kernels and the embedder share. */
const SHARED_SOURCES = ['gemm.cc', 'instruction_sets.cc', 'winograd.cc'];

/** What the compiled kernels and the embedder depend on beside their sources. */
export const KERNEL_FLAGS_KEY = [...COMMON_FLAGS, ...KERNEL_FLAGS, ...EMBEDDER_FLAGS, ...SHARED_SOURCES].join(
  ' ',
);

/**
 * Where the compiler finds things.
 * @typedef {object} BuildPaths
 * @property {string} tensorflow folder with the two libraries and include/
 * @property {string} nodeHeaders folder with node_api.h
 * @property {string} objects folder for intermediate files
 */

/**
 * Compiles tfjs-node's binding from the source that its npm package ships.
 * @param {string} tfjsFolder the package's folder
 * @param {string} output the .node file; the libraries are looked for in tensorflow/ beside it
 * @param {BuildPaths} paths
 */
export async function compileBinding(tfjsFolder, output, paths) {
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsFolder, 'binding', name));
  const flags = [...COMMON_FLAGS, ...BINDING_FLAGS, '-I', tfjsFolder];
  await compile(sources, flags, output, '$ORIGIN/tensorflow', paths);
}

/**
 * Compiles this project's operations.
 * @param {string} sourceFolder
 * @param {string} output the .node file, two folders below the engine's
 * @param {BuildPaths} paths
 */
export async function compileKernels(sourceFolder, output, paths) {
  const sources = kernelSources(sourceFolder).filter((file) => file.endsWith('.cc'));
  await compile(sources, [...COMMON_FLAGS, ...KERNEL_FLAGS], output, '$ORIGIN/../../tensorflow', paths);
}

/**
 * Compiles the embedder, which uses no TensorFlow.
 * @param {{ kernels: string, embedder: string }} sources folders
 * @param {string} output the .node file
 * @param {Pick<BuildPaths, 'nodeHeaders' | 'objects'>} paths
 */
export async function compileEmbedder(sources, output, { nodeHeaders, objects }) {
  const compiler = requireCommand('g++', 'g++');
  const own = kernelSources(sources.embedder).filter((file) => file.endsWith('.cc'));
  const shared = SHARED_SOURCES.map((name) => join(sources.kernels, name));
  const flags = [...COMMON_FLAGS, ...EMBEDDER_FLAGS, '-isystem', nodeHeaders];
  flags.push('-I', sources.kernels, '-I', sources.embedder);
  // A symbol that is missing then shows when the module is loaded, not in the middle of a request.
  const compiled = await compileObjects([...own, ...shared], flags, { compiler, output, objects });
  await runCompiler(compiler, ['-shared', ...compiled, '-o', output, '-pthread', '-Wl,-z,now'], output);
}

/**
 * A folder's C++ sources and headers, in a fixed order.
 * @param {string} folder
 */
export function kernelSources(folder) {
  const names = readdirSync(folder).filter((name) => /\.(cc|h)$/.test(name));
  return names.sort().map((name) => join(folder, name));
}

/**
 * @param {readonly string[]} sources
 * @param {readonly string[]} flags
 * @param {string} output
 * @param {string} runPath relative, so that the folder can be renamed and copied
 * @param {BuildPaths} paths
 */
async function compile(sources, flags, output, runPath, paths) {
  const compiler = requireCommand('g++', 'g++');
  const include = ['-isystem', paths.nodeHeaders, '-isystem', join(paths.tensorflow, 'include')];
  const { objects: folder } = paths;
  const objects = await compileObjects(sources, [...flags, ...include], {
    compiler,
    output,
    objects: folder,
  });
  const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) =>
    join(paths.tensorflow, name),
  );
  await runCompiler(
    compiler,
    ['-shared', ...objects, '-o', output, ...libraries, `-Wl,-rpath,${runPath}`],
    output,
  );
}

/**
 * @param {readonly string[]} sources
 * @param {readonly string[]} flags
 * @param {{ compiler: string, output: string, objects: string }} options
 * @returns {Promise<string[]>} the object files
 */
async function compileObjects(sources, flags, { compiler, output, objects }) {
  mkdirSync(objects, { recursive: true });
  const objectOf = (/** @type {string} */ source) =>
    join(objects, `${basename(output)}-${basename(source)}.o`);
  const waiting = [...sources];
  const compileNext = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      await runCompiler(compiler, [...flags, '-c', source, '-o', objectOf(source)], source);
    }
  };
  // A compiler takes a processor and half a gigabyte.
  await Promise.all(Array.from({ length: availableParallelism() }, compileNext));
  return sources.map(objectOf);
}

/**
 * @param {string} compiler
 * @param {readonly string[]} args
 * @param {string} what
 */
async function runCompiler(compiler, args, what) {
  const { code, output } = await runCommand(compiler, args);
  if (code === 0) return;
  if (/No space left on device/i.test(output)) {
    throw new SetupError(
      `The disk filled up while ${basename(what)} was compiled: free some space and run npm run setup again.`,
    );
  }
  const reason =
    output.split('\n').find((line) => /error|cannot|killed/i.test(line)) ?? output.split('\n').at(-1);
  throw new SetupError(`g++ could not build ${basename(what)}: ${reason}`);
}
