import { mkdirSync, readdirSync } from 'node:fs';
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

/** What the compiled kernels depend on beside their sources. */
export const KERNEL_FLAGS_KEY = [...COMMON_FLAGS, ...KERNEL_FLAGS].join(' ');

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
 * The kernels' sources and own headers, in a fixed order.
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
  mkdirSync(paths.objects, { recursive: true });
  const include = ['-isystem', paths.nodeHeaders, '-isystem', join(paths.tensorflow, 'include')];
  const objects = await Promise.all(
    sources.map(async (source) => {
      const object = join(paths.objects, `${basename(output)}-${basename(source)}.o`);
      await runCompiler(compiler, [...flags, ...include, '-c', source, '-o', object], source);
      return object;
    }),
  );
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
