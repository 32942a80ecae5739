import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../scripts/setup/cache-folder.mjs';
import { buildFolder } from '../../scripts/setup/engine-folder.mjs';
import {
  countHeaders,
  findFaults,
  findHeaderFaults,
  readStamp,
  STAMP_FILE,
  writeStamp,
} from '../../scripts/setup/engine-stamp.mjs';
import { SetupError } from '../../scripts/setup/setup-error.mjs';

const ABOUT = { flavour: 'cpu' as const, tensorflow: '2.21.0', tfjs: '4.22.0' };
let parent: string;
let engine: string;

/** Fills a draft as set-up does: files first, the stamp last. */
async function fillWhole(draft: string): Promise<void> {
  mkdirSync(join(draft, 'tensorflow'));
  writeFileSync(join(draft, 'tensorflow/lib.so.2'), 'twelve bytes');
  writeStamp(draft, ABOUT, ['tensorflow/lib.so.2']);
}

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'arcqueue-setup-'));
  engine = join(parent, 'engine-key');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe('an engine folder', () => {
  it('is whole after it was built, and says what it holds', async () => {
    await buildFolder(engine, fillWhole);
    expect(findFaults(engine)).toEqual([]);
    expect(readStamp(engine)).toEqual({ ...ABOUT, files: { 'tensorflow/lib.so.2': 12 } });
    expect(readdirSync(parent)).toEqual(['engine-key']);
  });

  it('is faulty when it was never built', () => {
    expect(findFaults(engine)).toEqual([expect.stringContaining(STAMP_FILE)]);
  });

  it('is faulty when a file was cut short, and the fault names the file and both sizes', async () => {
    await buildFolder(engine, fillWhole);
    truncateSync(join(engine, 'tensorflow/lib.so.2'), 5);
    expect(findFaults(engine)).toEqual([expect.stringMatching(/lib\.so\.2 should have 12 bytes and has 5$/)]);
  });

  it('is faulty when a file is gone, when the stamp is gone and when the stamp is half-written', async () => {
    await buildFolder(engine, fillWhole);
    rmSync(join(engine, 'tensorflow/lib.so.2'));
    expect(findFaults(engine)).toEqual([expect.stringContaining('is missing')]);
    writeFileSync(join(engine, STAMP_FILE), '{"files": {"tens');
    expect(findFaults(engine)).toHaveLength(1);
    rmSync(join(engine, STAMP_FILE));
    expect(findFaults(engine)).toHaveLength(1);
  });

  it('is faulty for a compiler when a header is gone, which nothing else reads', async () => {
    const include = 'tensorflow/include/Eigen';
    await buildFolder(engine, async (draft) => {
      mkdirSync(join(draft, include), { recursive: true });
      writeFileSync(join(draft, include, 'Core'), '// header');
      writeStamp(draft, { ...ABOUT, headers: countHeaders(draft) }, []);
    });
    expect(findHeaderFaults(engine)).toEqual([]);
    rmSync(join(engine, include, 'Core'));
    expect(findFaults(engine)).toEqual([]);
    expect(findHeaderFaults(engine)).toEqual([expect.stringMatching(/should have 1 headers and has 0$/)]);
    rmSync(join(engine, 'tensorflow/include'), { recursive: true });
    expect(findHeaderFaults(engine)).toHaveLength(1);
  });

  it('is refused where no folder can be made, and made with those above it elsewhere', () => {
    expect(() => makeFolder('/proc/nowhere/cache')).toThrow(/ENOENT|EACCES/);
    makeFolder(join(parent, 'a/b/c'));
    makeFolder(join(parent, 'a/b/c'));
    expect(readdirSync(join(parent, 'a/b'))).toEqual(['c']);
  });

  it('is whole again after it was built once more over the broken one', async () => {
    await buildFolder(engine, fillWhole);
    rmSync(join(engine, STAMP_FILE));
    await buildFolder(engine, fillWhole);
    expect(findFaults(engine)).toEqual([]);
    expect(readdirSync(parent)).toEqual(['engine-key']);
  });

  it('keeps the old one and leaves no draft when building fails', async () => {
    await buildFolder(engine, fillWhole);
    const failing = buildFolder(engine, async () => {
      throw new SetupError('no network');
    });
    await expect(failing).rejects.toThrow('no network');
    expect(findFaults(engine)).toEqual([]);
    expect(readdirSync(parent)).toEqual(['engine-key']);
  });

  it('is built beside the draft of a set-up that was killed, which is cleared away', async () => {
    mkdirSync(join(parent, '.draft-1/tensorflow'), { recursive: true });
    writeFileSync(join(parent, '.draft-1/tensorflow/lib.so.2'), 'twel');
    await buildFolder(engine, fillWhole);
    expect(readdirSync(parent)).toEqual(['engine-key']);
  });

  it('says in a sentence that the disk is full', async () => {
    const failing = buildFolder(engine, async () => {
      throw Object.assign(new Error('write failed'), { code: 'ENOSPC' });
    });
    await expect(failing).rejects.toThrow(
      /disk that holds .* is full: free some space, or set ARCQUEUE_CACHE/,
    );
  });
});
