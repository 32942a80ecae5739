import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runStepsInChild } from '../training/steps-in-child.js';

const root = join(import.meta.dirname, '../../..');
const TFJS = '@tensorflow/tfjs-node-gpu';
const BINDING = join(TFJS, 'lib/napi-v8');

/** Links whatever lies in a folder of the checkout into the same folder of `to`, but for one name. */
async function linkAllBut(left: string, folder: string, to: string): Promise<void> {
  await mkdir(join(to, folder), { recursive: true });
  for (const name of await readdir(join(root, folder))) {
    if (name !== left) await symlink(join(root, folder, name), join(to, folder, name));
  }
}

/** The compiled src/ml beside an engine that was set up without our kernels. */
async function checkoutWithoutKernels(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'arcqueue-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const modules = 'node_modules';
  await linkAllBut('@tensorflow', modules, dir);
  await linkAllBut('tfjs-node-gpu', join(modules, '@tensorflow'), dir);
  await linkAllBut('lib', join(modules, TFJS), dir);
  await linkAllBut('arcqueue_kernels.node', join(modules, BINDING), dir);
  // The package is looked for by its package.json, and a link would lead back to the checkout's.
  await rm(join(dir, modules, TFJS, 'package.json'));
  await cp(join(root, modules, TFJS, 'package.json'), join(dir, modules, TFJS, 'package.json'));
  await cp(join(root, 'dist/ml'), join(dir, 'dist/ml'), { recursive: true });
  await cp(join(root, 'package.json'), join(dir, 'package.json'));
  return join(dir, 'dist/ml');
}

it.each(['mobilefacenet', 'iresnet18'])(
  "%s trains by TensorFlow's own operations where our kernels are missing",
  async (architecture) => {
    const own = await runStepsInChild({ ml: join(root, 'dist/ml'), architecture, threads: 2 });
    const without = await runStepsInChild({ ml: await checkoutWithoutKernels(), architecture, threads: 2 });
    expect(own.hasKernels).toBe(true);
    expect(without.hasKernels).toBe(false);
    // Rounded differently, and in so small a batch the differences grow from step to step.
    expect(without.weights).not.toBe(own.weights);
    expect(without.losses).toHaveLength(own.losses.length);
    const ratios = without.losses.map((loss, i) => loss / (own.losses[i] as number));
    expect(Math.abs((ratios[0] as number) - 1)).toBeLessThan(1e-5);
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.02);
  },
  120_000,
);
