import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatSummary, summarise } from '../../scripts/ci-summary.mjs';
import { sourceFingerprint } from '../../scripts/setup/build.mjs';
import { assertFreeSpace, cacheFolder } from '../../scripts/setup/cache-folder.mjs';
import { findCommand, requireCommand } from '../../scripts/setup/commands.mjs';
import { assertPlatform, chooseFlavour, wheelsOf } from '../../scripts/setup/engine-pins.mjs';
import { packagesMatch } from '../../scripts/setup/packages.mjs';

let folder: string;
const write = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcqueue-checks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('npm packages', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0', optional: true },
    },
  };
  const match = (installed: object | string) => {
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    write('package-lock.json', lock);
    write('node_modules/.package-lock.json', installed);
    return packagesMatch(folder);
  };

  it('match when each is installed in its version; an optional one may be missing', () => {
    expect(match(lock)).toBe(true);
    expect(match({ packages: { 'node_modules/a': { version: '1.0.0' } } })).toBe(true);
  });

  it('do not match when one is missing, of another version, or the install was killed', () => {
    expect(match({ packages: {} })).toBe(false);
    expect(match({ packages: { 'node_modules/a': { version: '1.0.1' } } })).toBe(false);
    expect(match('{"packages": {"node_mod')).toBe(false);
    rmSync(join(folder, 'node_modules'), { recursive: true });
    expect(packagesMatch(folder)).toBe(false);
  });
});

describe('the engine to take', () => {
  it('follows the machine unless ENGINE says otherwise', () => {
    expect(chooseFlavour(undefined, false)).toBe('cpu');
    expect(chooseFlavour(undefined, true)).toBe('gpu');
    expect(chooseFlavour('cpu', true)).toBe('cpu');
    expect(chooseFlavour('gpu', false)).toBe('gpu');
    expect(() => chooseFlavour('cuda', true)).toThrow('ENGINE is expected to be cpu or gpu and is "cuda".');
  });

  it('is pinned: every wheel has a version, a whole checksum and a size', () => {
    const wheels = [...wheelsOf('cpu'), ...wheelsOf('gpu')];
    expect(wheelsOf('gpu').length).toBeGreaterThan(10);
    for (const wheel of wheels) {
      expect(wheel.sha256, wheel.name).toMatch(/^[0-9a-f]{64}$/);
      expect(wheel.version, wheel.name).toMatch(/^\d+(\.\d+)+$/);
      expect(wheel.bytes, wheel.name).toBeGreaterThan(1e6);
    }
    expect(new Set(wheels.map(({ sha256 }) => sha256)).size).toBe(wheels.length);
  });

  it('is refused in a sentence where no wheel is pinned', () => {
    expect(() => assertPlatform('darwin', 'arm64')).toThrow(/pinned for linux x64 and this is darwin arm64/);
    expect(() => assertPlatform('linux', 'x64')).not.toThrow();
  });
});

describe('the cache folder', () => {
  it('is ARCQUEUE_CACHE, else under XDG_CACHE_HOME, else under .cache', () => {
    expect(cacheFolder({ ARCQUEUE_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/arcqueue');
    expect(cacheFolder({})).toMatch(/\.cache\/arcqueue$/);
  });

  it('is refused before a download that it cannot hold', () => {
    expect(() => assertFreeSpace(folder, 1e18)).toThrow(
      /needs 1000000000\.0 GB free .* and [\d.]+ GB are there/,
    );
    expect(() => assertFreeSpace(folder, 1)).not.toThrow();
  });
});

it('names a missing tool and the command that installs it', () => {
  expect(findCommand('no-such-compiler')).toBeUndefined();
  expect(() => requireCommand('no-such-compiler', 'g++')).toThrow(
    /^no-such-compiler is needed and not installed: run (sudo )?apt-get install -y g\+\+, then npm run setup again\.$/,
  );
});

it('builds again after a source was written, added or removed, and only then', () => {
  mkdirSync(join(folder, 'src'));
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'src/a.ts']) write(name, 'one');
  const first = sourceFingerprint(folder);
  expect(sourceFingerprint(folder)).toBe(first);
  const later = new Date(Date.now() + 5000);
  utimesSync(join(folder, 'src/a.ts'), later, later);
  const written = sourceFingerprint(folder);
  write('src/b.ts', 'two');
  const added = sourceFingerprint(folder);
  rmSync(join(folder, 'src/b.ts'));
  expect(sourceFingerprint(folder)).toBe(written);
  expect(new Set([first, written, added]).size).toBe(3);
});

it('ends the CI summary with the counts, and counts a test file that could not be imported', () => {
  const test = (fullName: string, status: string, duration: number) => ({
    fullName,
    status,
    duration,
    failureMessages: [],
  });
  const report = {
    testResults: [
      {
        name: '/repo/test/a.test.ts',
        status: 'failed',
        assertionResults: [test('adds', 'passed', 10), test('divides', 'failed', 2000)],
      },
      { name: '/repo/test/b.test.ts', status: 'failed', message: 'Cannot find module', assertionResults: [] },
    ],
  };
  const lines = formatSummary(summarise(report, '/repo')).trimEnd().split('\n');
  expect(lines.at(-1)).toBe('1 passed, 2 failed');
  expect(lines[1]).toMatch(/2\.00 s {2}test\/a\.test\.ts › divides$/);
  expect(lines.join('\n')).toContain('Cannot find module');
});
