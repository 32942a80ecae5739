import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './commands.mjs';
import { SetupError } from './setup-error.mjs';

const POLL_MS = 200;
const DISK_FULL_EXIT = 28;
const UNPACK_SCRIPT = fileURLToPath(new URL('./unpack-wheel.py', import.meta.url));

/**
 * One pinned wheel.
 * @typedef {object} Wheel
 * @property {string} name as the package index knows it
 * @property {string} version
 * @property {string} sha256
 * @property {number} bytes
 * @property {readonly string[]} keep paths inside it that are unpacked; one that ends in / is a folder
 */

/**
 * Fetches a wheel with pip, so that a user's mirror and proxy settings apply, whatever python runs pip.
 * @param {Wheel} wheel
 * @param {string} folder an empty folder; the wheel is the only file in it afterwards
 * @param {(fraction: number) => void} onProgress
 * @returns {Promise<string>} path of the file, not yet verified
 */
export async function downloadWheel(wheel, folder, onProgress) {
  // pip writes to its temporary folder first: with it inside ours, a killed download leaves nothing elsewhere.
  const temporary = join(folder, 'pip');
  mkdirSync(temporary, { recursive: true });
  const poll = setInterval(() => onProgress(folderBytes(folder) / wheel.bytes), POLL_MS);
  const platforms = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'];
  const args = [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--no-cache-dir',
  ];
  args.push('--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp', '--dest', folder);
  args.push(...platforms.flatMap((platform) => ['--platform', platform]), `${wheel.name}==${wheel.version}`);
  try {
    const { code, output } = await runCommand('python3', args, { env: { TMPDIR: temporary } });
    if (code !== 0) throw explainDownload(wheel, output);
  } finally {
    clearInterval(poll);
  }
  rmSync(temporary, { recursive: true, force: true });
  const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (file === undefined)
    throw new SetupError(`pip said it downloaded ${wheel.name} and left no wheel in ${folder}.`);
  return join(folder, file);
}

/**
 * @param {Wheel} wheel
 * @param {string} output
 */
function explainDownload(wheel, output) {
  if (/No space left on device/i.test(output)) {
    return new SetupError(
      `The disk filled up while ${wheel.name} was downloaded (${Math.ceil(wheel.bytes / 1e6)} MB): free some space, or set ARCQUEUE_CACHE to a folder on another disk, and run npm run setup again.`,
    );
  }
  const reason =
    output
      .split('\n')
      .filter((line) => line.startsWith('ERROR'))
      .at(-1) ?? output.split('\n').at(-1);
  return new SetupError(
    `pip could not download ${wheel.name} ${wheel.version} (${reason}): check the network, or pip's index-url and proxy settings, and run npm run setup again.`,
  );
}

/**
 * @param {string} file
 * @param {Wheel} wheel
 */
export async function assertChecksum(file, wheel) {
  const found = await sha256OfFile(file);
  if (found !== wheel.sha256) {
    throw new SetupError(
      `${wheel.name} ${wheel.version} has the wrong checksum: expected SHA-256 ${wheel.sha256}, found ${found} (${statSync(file).size} of ${wheel.bytes} bytes). The file was thrown away; run npm run setup again, and if it repeats, the package index serves another file.`,
    );
  }
}

/** @param {string} file */
export async function sha256OfFile(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Unpacks the wheel's kept paths and writes them through to the disk.
 * @param {string} file
 * @param {Wheel} wheel
 * @param {string} folder
 * @param {(fraction: number) => void} onProgress
 */
export async function unpackWheel(file, wheel, folder, onProgress) {
  const { code, output } = await runCommand('python3', [UNPACK_SCRIPT, file, folder, ...wheel.keep], {
    onLine: (line) => {
      if (line.startsWith('done ')) onProgress(Number(line.slice(5)));
    },
  });
  if (code === DISK_FULL_EXIT) {
    throw new SetupError(
      `The disk that holds ${folder} filled up while ${wheel.name} was unpacked: free some space, or set ARCQUEUE_CACHE to a folder on another disk, and run npm run setup again.`,
    );
  }
  if (code !== 0) throw new SetupError(`${wheel.name} could not be unpacked: ${output.split('\n').at(-1)}`);
}

/** @param {string} folder */
function folderBytes(folder) {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
    }
  } catch {
    // pip renamed something meanwhile; the next poll sees it.
  }
  return bytes;
}
