// Says what this machine and checkout have, what is missing and how to get it. Changes nothing.
// Exit code 1 when something that the service needs is missing.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, freeBytes, gigabytes } from './setup/cache-folder.mjs';
import { aptCommand, findCommand } from './setup/commands.mjs';
import { enginePaths, hasNvidiaDriver } from './setup/engine.mjs';
import { bindingFolder } from './setup/engine-links.mjs';
import { findFaults, readStamp } from './setup/engine-stamp.mjs';
import { packagesMatch } from './setup/packages.mjs';
import { findRedis } from './setup/redis.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const PROBE = fileURLToPath(new URL('./setup/probe-engine.mjs', import.meta.url));
const SETUP = 'npm run setup';
const PROBE_TIMEOUT_MS = 60_000;

/**
 * One line of the report. `remedy` is set when something is wrong; `needed` says whether the service can do without.
 * @typedef {{ name: string, found: string, remedy?: string, needed?: boolean }} Finding
 */

/** @returns {Finding} */
function checkNode() {
  const found = process.version;
  const supported = Number(found.slice(1).split('.')[0]) >= 20;
  return {
    name: 'Node.js',
    found,
    ...(supported ? {} : { remedy: 'install Node.js 20 or later', needed: true }),
  };
}

/** @returns {Finding} */
function checkPackages() {
  if (packagesMatch(ROOT)) return { name: 'npm packages', found: 'as in package-lock.json' };
  return { name: 'npm packages', found: 'missing or of other versions', remedy: SETUP, needed: true };
}

/**
 * A tool that set-up uses. Once the engine is there, the service does without it.
 * @param {string} name
 * @param {string} aptPackage
 * @param {readonly string[]} versionCommand
 * @param {boolean} needed
 * @returns {Finding}
 */
function checkTool(name, aptPackage, versionCommand, needed) {
  const [command = name, ...args] = versionCommand;
  const result =
    findCommand(command) === undefined ? undefined : spawnSync(command, args, { encoding: 'utf8' });
  if (result?.status === 0) return { name, found: result.stdout.split('\n')[0]?.trim() ?? '' };
  return { name, found: 'missing', remedy: aptCommand(aptPackage), needed };
}

/** @returns {Finding} */
function checkRedis() {
  if (process.env.REDIS_URL) return { name: 'Redis', found: 'REDIS_URL is set; none is started here' };
  const file = findRedis();
  if (file === undefined) {
    const remedy = `${aptCommand('redis-server')}, or set REDIS_URL`;
    return { name: 'Redis', found: 'missing', remedy, needed: true };
  }
  const version = spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout;
  return { name: 'Redis', found: `${file} ${/v=(\S+)/.exec(version)?.[1] ?? ''}` };
}

/** @returns {{ findings: Finding[], isWhole: boolean }} */
function checkEngine() {
  if (!existsSync(join(ROOT, 'node_modules/@tensorflow/tfjs-node-gpu/package.json'))) {
    const finding = { name: 'Engine', found: 'needs the npm packages first', remedy: SETUP, needed: true };
    return { findings: [finding], isWhole: false };
  }
  const paths = enginePaths(ROOT);
  const linked = existsSync(join(bindingFolder(paths.tfjs), 'tfjs_binding.node'));
  const engineFault = findFaults(paths.engine)[0] ?? (linked ? undefined : 'not linked into node_modules');
  const kernelsFault = findFaults(paths.kernels)[0];
  const stamp = readStamp(paths.engine);
  /** @type {Finding[]} */
  const findings = [
    engineFault === undefined
      ? {
          name: 'Engine',
          found: `TensorFlow ${stamp?.tensorflow}, ${stamp?.flavour} build, in ${paths.engine}`,
        }
      : { name: 'Engine', found: engineFault, remedy: SETUP, needed: true },
    kernelsFault === undefined
      ? {
          name: 'Own kernels',
          found: `compiled, ${statSync(join(paths.kernels, 'arcqueue_kernels.node')).size} bytes`,
        }
      : { name: 'Own kernels', found: kernelsFault, remedy: SETUP, needed: false },
  ];
  return { findings, isWhole: engineFault === undefined };
}

/**
 * Loads TensorFlow in a process of its own, so that a library that crashes is a line here too.
 * @returns {Finding}
 */
function checkDevice() {
  const result = spawnSync(process.execPath, [PROBE], {
    encoding: 'utf8',
    timeout: PROBE_TIMEOUT_MS,
    cwd: ROOT,
  });
  if (result.status === 0) return { name: 'TensorFlow runs', found: result.stdout.trim() };
  const reason =
    result.stderr.split('\n').find((line) => /error|cannot/i.test(line)) ?? result.signal ?? 'no answer';
  return { name: 'TensorFlow runs', found: `no: ${reason}`, remedy: SETUP, needed: true };
}

/** @returns {Finding} */
function checkGpu() {
  return { name: 'NVIDIA driver', found: hasNvidiaDriver() ? 'found' : 'none (the CPU build is used)' };
}

/** @returns {Finding[]} */
function checkDisk() {
  const folders = [cacheFolder(), ROOT].filter((folder) => existsSync(folder));
  return folders.map((folder) => ({
    name: 'Free disk',
    found: `${gigabytes(freeBytes(folder))} for ${folder}`,
  }));
}

function collectFindings() {
  const engine = checkEngine();
  const toolsNeeded = !engine.isWhole;
  return [
    checkNode(),
    checkPackages(),
    checkTool('python3', 'python3', ['python3', '--version'], toolsNeeded),
    checkTool('pip', 'python3-pip', ['python3', '-m', 'pip', '--version'], toolsNeeded),
    checkTool('g++', 'g++', ['g++', '--version'], toolsNeeded),
    checkRedis(),
    ...engine.findings,
    checkGpu(),
    ...(engine.isWhole ? [checkDevice()] : []),
    ...checkDisk(),
  ];
}

const findings = collectFindings();
const width = Math.max(...findings.map(({ name }) => name.length));
for (const { name, found, remedy, needed } of findings) {
  const mark = remedy === undefined ? 'ok  ' : needed ? 'MISS' : 'note';
  process.stdout.write(`${mark}  ${name.padEnd(width)}  ${found}\n`);
  if (remedy !== undefined) process.stdout.write(`${' '.repeat(width + 8)}run: ${remedy}\n`);
}
process.exitCode = findings.some(({ remedy, needed }) => remedy !== undefined && needed) ? 1 : 0;
