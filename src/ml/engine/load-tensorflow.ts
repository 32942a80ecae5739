import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { MlError } from '../ml-error.js';

type TensorFlow = typeof import('@tensorflow/tfjs-node-gpu');

export type EngineVersions = {
  /** Of the native library, as it reports itself: "2.21.0". */
  readonly tensorflow: string;
  readonly tfjs: string;
  /** Which wheel the library came from; `device` says what it runs on. */
  readonly flavour: string;
};

export type Engine = {
  readonly tf: TensorFlow;
  readonly device: 'cpu' | 'gpu';
  readonly versions: EngineVersions;
  /** Whether this project's own operations (native/*.cc) answer; where not, the composed twins do. */
  readonly hasKernels: boolean;
};

export type LoadOptions = {
  /** `false` leaves the project's own kernels unloaded, so that a test can run the composed twins. */
  readonly kernels?: boolean;
};

/** The part of tfjs-node's backend that says what it runs on; its typings leave it out. */
type NodeBackend = {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
};

const BINDING_FOLDER = 'lib/napi-v8';

let loaded: Engine | undefined;

/**
 * Loads TensorFlow into this process, once; later calls return the same engine whatever their options.
 * Every tensor operation blocks its thread, so only trainer and inference processes call this.
 * @throws MlError `engine_missing` when set-up has not put the native library in place
 */
export function loadTensorFlow(options: LoadOptions = {}): Engine {
  loaded ??= load(options.kernels ?? true);
  return loaded;
}

function load(wantsKernels: boolean): Engine {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')), BINDING_FOLDER);
  assertPresent(join(folder, 'tfjs_binding.node'));
  replaceDeprecatedNodeFunction();
  // Read by TensorFlow when its library initialises; 3 leaves fatal errors only.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

  const tf = requireNative<TensorFlow>(require, '@tensorflow/tfjs-node-gpu');
  const backend = tf.backend() as unknown as NodeBackend;
  const device = backend.isUsingGpuDevice ? 'gpu' : 'cpu';
  // The kernels are written for the CPU. After tfjs-node, because its library must be the one they register with.
  const kernelsFile = join(folder, 'arcqueue_kernels.node');
  const hasKernels = wantsKernels && device === 'cpu' && existsSync(kernelsFile);
  if (hasKernels) requireNative(require, kernelsFile);

  return Object.freeze({
    tf,
    device,
    hasKernels,
    versions: Object.freeze({
      tensorflow: backend.binding.TF_Version,
      tfjs: tf.version.tfjs,
      flavour: readFlavour(join(folder, 'engine.json')),
    }),
  });
}

function requireNative<T>(require: NodeJS.Require, id: string): T {
  try {
    return require(id) as T;
  } catch (error) {
    throw missing(`the native engine could not be loaded: ${(error as Error).message}`);
  }
}

function assertPresent(bindingFile: string): void {
  // Follows the link into the cache folder, so a removed cache counts as missing too.
  if (!existsSync(bindingFile)) throw missing(`${bindingFile} was expected and is not there`);
}

function missing(found: string): MlError {
  return new MlError(
    'engine_missing',
    'infrastructure',
    `TensorFlow is not set up (${found}). Run: npm run setup`,
  );
}

/** tfjs-node 4.22 calls util.isNullOrUndefined: Node 23 removed it, and Node 22 prints a warning at each start. */
function replaceDeprecatedNodeFunction(): void {
  const target = util as { isNullOrUndefined?: (value: unknown) => boolean };
  target.isNullOrUndefined = (value) => value === null || value === undefined;
}

function readFlavour(stampFile: string): string {
  if (!existsSync(stampFile)) return 'unknown';
  const stamp: unknown = JSON.parse(readFileSync(stampFile, 'utf8'));
  const flavour = (stamp as { flavour?: unknown } | null)?.flavour;
  return typeof flavour === 'string' ? flavour : 'unknown';
}
