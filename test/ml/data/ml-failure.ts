import { expect } from 'vitest';
import { MlError } from '../../../src/ml/ml-error.js';

/** The MlError that an action fails with; fails the test when it does not, or when the message tells a server's path. */
export async function failureOf(
  act: () => unknown,
): Promise<{ code: string; fault: string; message: string }> {
  const error = await Promise.resolve()
    .then(act)
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  if (!(error instanceof MlError)) throw new Error(`expected an MlError; found ${error}`);
  expect(error.message).toMatch(/^Expected .*; found/);
  expect(error.message).not.toContain('/tmp');
  expect(error.message).not.toContain('arcqueue data-');
  return { code: error.code, fault: error.fault, message: error.message };
}
