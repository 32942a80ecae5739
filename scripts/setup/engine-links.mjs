import { lstatSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { STAMP_FILE } from './engine-stamp.mjs';

export const KERNELS_FILE = 'arcqueue_kernels.node';
export const EMBEDDER_FILE = 'arcqueue_embedder.node';

/**
 * Where tfjs-node looks for its binding, given its package's folder. The kernels and the stamp lie beside it.
 * @param {string} tfjsFolder
 */
export function bindingFolder(tfjsFolder) {
  return join(tfjsFolder, 'lib/napi-v8');
}

/**
 * Points this checkout's tfjs-node at the engine in the cache. `npm ci` removes the links; each set-up restores them.
 * @param {{ tfjs: string, engine: string, kernels: string }} paths
 */
export function linkEngine(paths) {
  const folder = bindingFolder(paths.tfjs);
  mkdirSync(folder, { recursive: true });
  link(join(paths.engine, 'tfjs_binding.node'), join(folder, 'tfjs_binding.node'));
  for (const file of [KERNELS_FILE, EMBEDDER_FILE]) link(join(paths.kernels, file), join(folder, file));
  link(join(paths.engine, STAMP_FILE), join(folder, STAMP_FILE));
}

/**
 * Through a rename, so that a process that starts meanwhile finds the old link or the new one.
 * @param {string} target
 * @param {string} file
 */
function link(target, file) {
  if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(file) === target) return;
  const draft = `${file}.${process.pid}`;
  symlinkSync(target, draft);
  renameSync(draft, file);
}
