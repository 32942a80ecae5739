import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashSecret, makeToken, matchesHash, parseToken, toText } from '../../src/jobs/api-key.js';

describe('the text of a key', () => {
  it('holds an id and 256 random bits, and is read back', () => {
    const token = makeToken();
    expect(Buffer.from(token.secret, 'base64url')).toHaveLength(32);
    expect(parseToken(toText(token))).toEqual(token);
    expect(makeToken()).not.toEqual(token);
  });

  it.each(['', 'arcq_', 'arcq_0123456789abcdef_short', `arcq_0123456789abcdef_${'a'.repeat(44)}`, '\u0000'])(
    'is not %j',
    (text) => expect(parseToken(text)).toBeNull(),
  );
});

it('compares with the SHA-256 of the secret, whole', () => {
  const hash = createHash('sha256').update('secret').digest('hex');
  expect(hashSecret('secret')).toBe(hash);
  expect(matchesHash('secret', hash)).toBe(true);
  expect(matchesHash('secret', `${hash.slice(0, -2)}00`)).toBe(false);
  expect(matchesHash('secret', hash.slice(0, -2))).toBe(false);
  expect(matchesHash('secret', '')).toBe(false);
});
