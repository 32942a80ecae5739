import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  CLASS_PHOTOGRAPHS,
  PHOTOGRAPH_WHEELS,
  type PhotographWheel,
  STRANGER_PHOTOGRAPHS,
} from './demo-photographs.js';

/** Age at which what a killed download left is thrown away; a younger one may still be at work. */
const STALE_MS = 3_600_000;

// Node has no zip reader of its own, and pip needs Python anyway.
const UNPACK = `
import os, sys, zipfile
wheel, target, *names = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in names:
        with open(os.path.join(target, os.path.basename(name)), "wb") as sink:
            sink.write(archive.read(name))
`;

/** The folder that all clones of one user share, as the set-up chooses it. */
export function photographFolder(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.ARCQUEUE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'arcqueue');
  return join(
    cache,
    'photographs',
    PHOTOGRAPH_WHEELS.map(({ name, version }) => `${name}-${version}`).join('-'),
  );
}

/**
 * Makes sure that the demo's photographs are in a folder: each file there is checked against its SHA-256, and when
 * one is missing or damaged all are fetched anew, beside it, and put in its place whole.
 * @returns whether anything was downloaded
 * @throws Error in one sentence when pip, the network or the disk fails
 */
export async function fetchPhotographs(folder: string): Promise<boolean> {
  if (await isWhole(folder)) return false;
  await mkdir(dirname(folder), { recursive: true });
  await removeStaleParts(folder);
  const temporary = await mkdtemp(`${folder}.part-`);
  try {
    const kept = join(temporary, 'kept');
    await mkdir(kept);
    for (const wheel of PHOTOGRAPH_WHEELS) {
      const path = await downloadWheel(wheel, join(temporary, wheel.name));
      const own = photographs().filter((photograph) => photograph.wheel === wheel);
      const names = own.map(({ file }) => `${wheel.folder}/${file}`);
      await python('unpack the photographs', ['-c', UNPACK, path, kept, ...names], temporary);
    }
    if (!(await isWhole(kept)))
      throw new Error('Expected the photographs as pinned; the wheels hold others.');
    await rm(folder, { recursive: true, force: true });
    await rename(kept, folder).catch(async (error: unknown) => {
      // Another demo may have put the same photographs there meanwhile.
      if (!(await isWhole(folder))) throw error;
    });
    return true;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function removeStaleParts(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    const path = join(dirname(folder), name);
    if (!name.startsWith(`${basename(folder)}.part-`)) continue;
    if (Date.now() - (await stat(path)).mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

function photographs() {
  return [...CLASS_PHOTOGRAPHS, ...STRANGER_PHOTOGRAPHS];
}

async function isWhole(folder: string): Promise<boolean> {
  for (const { file, sha256 } of photographs()) {
    const bytes = await readFile(join(folder, file)).catch(() => null);
    if (bytes === null || sha256Of(bytes) !== sha256) return false;
  }
  return true;
}

async function downloadWheel(wheel: PhotographWheel, folder: string): Promise<string> {
  const { name, version, pythonVersion, platforms, sha256 } = wheel;
  await mkdir(folder);
  const platformArgs = platforms.flatMap((platform) => ['--platform', platform]);
  const args = [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--no-cache-dir',
  ];
  args.push('--only-binary=:all:', '--python-version', pythonVersion, '--implementation', 'cp');
  args.push(...platformArgs, '--dest', folder, `${name}==${version}`);
  await python(`download ${name} ${version}`, args, folder);
  const file = (await readdir(folder)).find((entry) => entry.endsWith('.whl'));
  if (file === undefined) throw new Error(`Expected pip to leave a wheel of ${name}; found none.`);
  const found = sha256Of(await readFile(join(folder, file)));
  if (found === sha256) return join(folder, file);
  throw new Error(`Expected ${file} with SHA-256 ${sha256}; found ${found}.`);
}

/** @param temporary where pip keeps what is half done, so that a killed download leaves nothing elsewhere */
async function python(task: string, args: readonly string[], temporary: string): Promise<void> {
  const child = spawn('python3', args, {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Error(`Could not start python3 to ${task}: ${error.message}.`)),
    );
    child.once('close', resolve);
  });
  if (code === 0) return;
  const lines = output.trim().split('\n');
  const reason = lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1);
  throw new Error(`Could not ${task}: ${reason} (check the network and the disk, and run it again).`);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
