import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export const STAMP_FILE = 'engine.json';

/**
 * What engine.json says. It is written last: a folder without it is half-done, whatever else lies there.
 * @typedef {object} EngineStamp
 * @property {'cpu' | 'gpu'} flavour
 * @property {string} tensorflow
 * @property {string} tfjs
 * @property {number} [headers] how many C++ headers lie in the folder; stamps of earlier versions lack it
 * @property {Record<string, number>} files size in bytes by path inside the folder
 */

/**
 * @param {string} folder
 * @param {Omit<EngineStamp, 'files'>} about
 * @param {readonly string[]} files paths inside the folder
 */
export function writeStamp(folder, about, files) {
  const sizes = Object.fromEntries(files.map((file) => [file, statSync(join(folder, file)).size]));
  writeDurably(join(folder, STAMP_FILE), `${JSON.stringify({ ...about, files: sizes }, null, 2)}\n`);
}

/**
 * What is wrong with a set-up folder; empty when it is whole. Sizes only: reading a gigabyte on each start would cost
 * more than it finds, and the checksums were verified before anything was unpacked.
 * @param {string} folder
 * @returns {string[]}
 */
export function findFaults(folder) {
  const stamp = readStamp(folder);
  if (stamp === undefined) return [`${join(folder, STAMP_FILE)} is missing or unreadable`];
  return Object.entries(stamp.files).flatMap(([file, size]) => {
    const found = statSync(join(folder, file), { throwIfNoEntry: false })?.size;
    if (found === size) return [];
    return [
      `${join(folder, file)} should have ${size} bytes and ${found === undefined ? 'is missing' : `has ${found}`}`,
    ];
  });
}

/**
 * What is wrong with an engine's headers. Only a compilation reads them, so only before one are they counted.
 * @param {string} folder
 * @returns {string[]}
 */
export function findHeaderFaults(folder) {
  const expected = readStamp(folder)?.headers;
  const found = countHeaders(folder);
  if (expected === undefined ? found > 0 : found === expected) return [];
  return [`${folder} should have ${expected ?? 'some'} headers and has ${found}`];
}

/** @param {string} folder */
export function countHeaders(folder) {
  const include = join(folder, 'tensorflow/include');
  if (statSync(include, { throwIfNoEntry: false }) === undefined) return 0;
  return readdirSync(include, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length;
}

/**
 * @param {string} folder
 * @returns {EngineStamp | undefined}
 */
export function readStamp(folder) {
  try {
    const stamp = JSON.parse(readFileSync(join(folder, STAMP_FILE), 'utf8'));
    return typeof stamp?.files === 'object' && stamp.files !== null ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} file
 * @param {string} content
 */
function writeDurably(file, content) {
  const draft = `${file}.tmp`;
  const handle = openSync(draft, 'w');
  try {
    writeSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}
