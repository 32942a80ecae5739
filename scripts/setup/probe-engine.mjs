// Run by the doctor in a process of its own: loads TensorFlow as the trainer does, multiplies two matrices and
// prints what did it. Plain JavaScript, since the doctor also has to work where nothing was compiled yet.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { bindingFolder, KERNELS_FILE } from './engine-links.mjs';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
// tfjs-node 4.22 calls it; Node 23 removed it, and Node 22 prints a warning.
const target = /** @type {{ isNullOrUndefined?: (value: unknown) => boolean }} */ (util);
target.isNullOrUndefined = (value) => value === null || value === undefined;

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-node-gpu');
const kernels = join(
  bindingFolder(dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'))),
  KERNELS_FILE,
);
if (existsSync(kernels)) require(kernels);

const [product] = tf.matMul([[1, 2]], [[3], [4]]).dataSync();
if (product !== 11) throw new Error(`Error: [1 2] times [3 4] should be 11 and TensorFlow says ${product}`);
/** @type {unknown} */
const backend = tf.backend();
// tfjs-node's own fields; the typings name the general backend only.
const { isUsingGpuDevice, binding } =
  /** @type {{ isUsingGpuDevice: boolean, binding: { TF_Version: string } }} */ (backend);
process.stdout.write(
  `on the ${isUsingGpuDevice ? 'GPU' : 'CPU'}, version ${binding.TF_Version}, 1·3 + 2·4 = ${product}\n`,
);
