import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { DEFAULT_PREFIX } from './job-keys.js';

/** How long a key answers with its job. */
export const KEY_LIFETIME_SECONDS = 86_400;
/** Longer than a submission takes; a process that dies holds its key up for no more than this. */
const LOCK_MS = 30_000;

/** What a key stands for. */
export type KeyEntry = {
  /** Hash of the request that came with the key first. */
  readonly fingerprint: string;
  /** Id of the job: reserved before there is one, so that a submission that was cut off makes no second job. */
  readonly jobId: string;
  readonly isDone: boolean;
};

const UNLOCK_LUA = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** An owner's idempotency keys in Redis, hashed: they may be anything. */
export class IdempotencyKeys {
  constructor(
    private readonly redis: Redis,
    private readonly owner: string,
    private readonly prefix: string = DEFAULT_PREFIX,
  ) {}

  /** The entry of this key, made from what is given if there is none. */
  async claim(key: string, fingerprint: string, jobId: string): Promise<KeyEntry> {
    const fresh: KeyEntry = { fingerprint, jobId, isDone: false };
    const args = [this.#name(key), JSON.stringify(fresh)] as const;
    const found = await this.redis.set(...args, 'EX', KEY_LIFETIME_SECONDS, 'NX', 'GET');
    return found === null ? fresh : (JSON.parse(found) as KeyEntry);
  }

  /** Whether the key was free for work; then the function that frees it again. */
  async lock(key: string): Promise<(() => Promise<void>) | null> {
    const name = `${this.#name(key)}:lock`;
    const token = randomUUID();
    if ((await this.redis.set(name, token, 'PX', LOCK_MS, 'NX')) === null) return null;
    return async () => void (await this.redis.eval(UNLOCK_LUA, 1, name, token));
  }

  async settle(key: string, entry: KeyEntry): Promise<void> {
    await this.redis.set(this.#name(key), JSON.stringify(entry), 'EX', KEY_LIFETIME_SECONDS);
  }

  /** Forgets a key whose request was refused. */
  async release(key: string): Promise<void> {
    await this.redis.del(this.#name(key));
  }

  #name(key: string): string {
    return `${this.prefix}:idempotency:${createHash('sha256').update(`${this.owner}\n${key}`).digest('hex')}`;
  }
}
