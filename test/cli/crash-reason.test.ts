import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { crashReason } from '../../src/cli/crash-reason.js';

function crash(script: string): string {
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stderr;
}

it.each([
  ['a plain error', "throw new Error('no room left')", 'no room left'],
  [
    'more than one line',
    "throw new Error('wrong:\\n  PORT: abc\\n  HOST: 7')",
    'wrong:\n  PORT: abc\n  HOST: 7',
  ],
  ['an error with fields', "throw Object.assign(new TypeError('bad'), { code: 'X', port: 1 })", 'bad'],
])("finds Node's message of %s, without the stack", (_, script, reason) => {
  expect(crashReason(crash(script))).toBe(reason);
});

it('says nothing where no error was written', () => {
  expect(crashReason('')).toBeNull();
  expect(crashReason('a warning\n')).toBeNull();
});
