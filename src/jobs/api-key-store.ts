import type { Redis } from 'ioredis';
import {
  hashSecret,
  makeToken,
  matchesHash,
  OWNER_PATTERN,
  parseToken,
  type Scope,
  toText,
} from './api-key.js';
import { DEFAULT_PREFIX } from './job-keys.js';

/** What is kept of a key. Its secret is not among it. */
export type ApiKey = {
  readonly id: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  /** When it was revoked; null while it opens the door. */
  readonly revokedAt: string | null;
};

/** Compared with when no such key exists, so that the answer takes as long. */
const NO_HASH = hashSecret('');

/** The API's keys in Redis: a hash per key, and the set of all ids ever made. */
export class ApiKeyStore {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string = DEFAULT_PREFIX,
  ) {}

  /**
   * Makes a key. Its text is told here and never again.
   * @throws Error for an owner's name of another form, or without scopes
   */
  async create(owner: string, scopes: readonly Scope[]): Promise<{ key: ApiKey; text: string }> {
    if (!new RegExp(OWNER_PATTERN).test(owner)) {
      throw new Error(`Expected an owner of up to 64 letters, digits and any of . _ @ -; found "${owner}".`);
    }
    if (scopes.length === 0) throw new Error('Expected at least one scope; found none.');
    const token = makeToken();
    const createdAt = new Date().toISOString();
    const fields = { owner, scopes: scopes.join(','), createdAt, hash: hashSecret(token.secret) };
    const write = this.redis.multi().hset(this.#name(token.id), fields).sadd(this.#ids, token.id);
    for (const [error] of (await write.exec()) ?? []) if (error) throw error;
    return { key: { id: token.id, owner, scopes, createdAt, revokedAt: null }, text: toText(token) };
  }

  /** The key that this text is; null for one that is unknown or revoked. */
  async verify(text: string): Promise<ApiKey | null> {
    const token = parseToken(text);
    if (token === null) return null;
    const fields = await this.redis.hgetall(this.#name(token.id));
    const isRight = matchesHash(token.secret, fields.hash ?? NO_HASH);
    return isRight && fields.revokedAt === undefined ? toApiKey(token.id, fields) : null;
  }

  /** All keys, the revoked ones too, oldest first. */
  async list(): Promise<ApiKey[]> {
    const ids = await this.redis.smembers(this.#ids);
    const read = async (id: string) => toApiKey(id, await this.redis.hgetall(this.#name(id)));
    const keys = await Promise.all(ids.map(read));
    return keys.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  /** Ends a key for good; its entry stays as a trace. False when there is no such key. */
  async revoke(id: string): Promise<boolean> {
    if ((await this.redis.exists(this.#name(id))) === 0) return false;
    await this.redis.hsetnx(this.#name(id), 'revokedAt', new Date().toISOString());
    return true;
  }

  /** Whether a key was ever made. Revoking the last one must not open the door again. */
  async hasAny(): Promise<boolean> {
    return (await this.redis.exists(this.#ids)) === 1;
  }

  get #ids(): string {
    return `${this.prefix}:keys`;
  }

  #name(id: string): string {
    return `${this.prefix}:key:${id}`;
  }
}

function toApiKey(id: string, fields: Record<string, string>): ApiKey {
  const { owner = '', scopes = '', createdAt = '', revokedAt = null } = fields;
  return { id, owner, scopes: scopes.split(',') as Scope[], createdAt, revokedAt };
}
