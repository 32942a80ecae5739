import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a key may do: `read` looks, `submit` makes and changes one's own jobs, `admin` does everything to everyone's. */
export const SCOPES = ['read', 'submit', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Names of owners become parts of Redis keys. */
export const OWNER_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$';
/** Owner of all that is made while no keys are asked for. */
export const LOCAL_OWNER = 'local';

const SECRET_BYTES = 32;
const TOKEN = /^arcq_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** A key as its holder sends it, in two parts: an id to find it by, and 256 random bits. */
export type KeyToken = { readonly id: string; readonly secret: string };

export function makeToken(): KeyToken {
  return { id: randomBytes(8).toString('hex'), secret: randomBytes(SECRET_BYTES).toString('base64url') };
}

export function toText({ id, secret }: KeyToken): string {
  return `arcq_${id}_${secret}`;
}

/** The parts of a key, or null for a text of another form. */
export function parseToken(text: string): KeyToken | null {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/**
 * SHA-256 in hexadecimal. A slow hash with a salt protects passwords, which can be guessed; 256 random bits cannot be, and
 * every request pays for the hash.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether the secret has this hash, in a time that does not tell how much of it is right. */
export function matchesHash(secret: string, hash: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const found = Buffer.from(hashSecret(secret), 'hex');
  return expected.length === found.length && timingSafeEqual(expected, found);
}
