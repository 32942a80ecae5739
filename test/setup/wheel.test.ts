import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertChecksum, unpackWheel } from '../../scripts/setup/wheel.mjs';

let folder: string;
let file: string;

/** Writes a zip with the layout of TensorFlow's wheel, a few bytes each. */
function writeWheel(names: readonly string[]): void {
  const script =
    'import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as z:\n  for n in sys.argv[2:]: z.writestr(n, n)';
  const { status, stderr } = spawnSync('python3', ['-c', script, file, ...names], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** The pin that fits the file as it lies there. */
function pinOf(keep: readonly string[]) {
  const content = readFileSync(file);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { name: 'tensorflow-cpu', version: '2.21.0', sha256, bytes: content.length, keep };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcqueue-wheel-'));
  file = join(folder, 'small.whl');
  writeWheel(['tensorflow/lib.so.2', 'tensorflow/include/tsl/a.h', 'tensorflow/python/b.py']);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a downloaded wheel', () => {
  it('passes with the pinned checksum', async () => {
    await expect(assertChecksum(file, pinOf([]))).resolves.toBeUndefined();
  });

  it('is refused when it was cut short, with both checksums and both sizes', async () => {
    const pin = pinOf([]);
    truncateSync(file, 50);
    const found = createHash('sha256').update(readFileSync(file)).digest('hex');
    await expect(assertChecksum(file, pin)).rejects.toThrow(
      `tensorflow-cpu 2.21.0 has the wrong checksum: expected SHA-256 ${pin.sha256}, found ${found} (50 of ${pin.bytes} bytes)`,
    );
  });
});

describe('unpacking', () => {
  const target = () => {
    const path = join(folder, 'draft');
    mkdirSync(path);
    return path;
  };

  it('takes the kept file and the kept folder, nothing else, and reports its progress', async () => {
    const draft = target();
    const shares: number[] = [];
    const pin = pinOf(['tensorflow/lib.so.2', 'tensorflow/include/tsl/']);
    await unpackWheel(file, pin, draft, (share: number) => shares.push(share));
    expect(readFileSync(join(draft, 'tensorflow/lib.so.2'), 'utf8')).toBe('tensorflow/lib.so.2');
    expect(existsSync(join(draft, 'tensorflow/include/tsl/a.h'))).toBe(true);
    expect(existsSync(join(draft, 'tensorflow/python'))).toBe(false);
    expect(shares.at(-1)).toBe(1);
  });

  it('says which kept path the wheel does not hold', async () => {
    const pin = pinOf(['tensorflow/lib.so.3']);
    await expect(unpackWheel(file, pin, target(), () => {})).rejects.toThrow(
      /holds no tensorflow\/lib\.so\.3/,
    );
  });

  it('refuses a path that leaves its folder', async () => {
    writeWheel(['nvidia/../../outside.txt']);
    await expect(unpackWheel(file, pinOf(['nvidia/']), target(), () => {})).rejects.toThrow(/outside/);
    expect(existsSync(join(folder, 'outside.txt'))).toBe(false);
  });

  it('says that the file is no zip', async () => {
    writeFileSync(file, 'a proxy error page');
    await expect(unpackWheel(file, pinOf(['tensorflow/']), target(), () => {})).rejects.toThrow(
      /not a zip file/,
    );
  });
});
