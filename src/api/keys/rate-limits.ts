import type { FastifyReply } from 'fastify';
import type { Redis } from 'ioredis';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { DEFAULT_PREFIX } from '../../jobs/job-keys.js';
import { Problem } from '../problem.js';

/** Requests that are answered in a minute; 0 for any number. */
export type RateLimits = {
  /** Of one key. */
  readonly perKey: number;
  /** Of one address without a valid key, so that keys cannot be tried by the million. */
  readonly perAddress: number;
};

const WINDOW_SECONDS = 60;

/** Counts requests in Redis, so that all API processes count together. */
export class RateLimiter {
  readonly #perKey: RateLimiterRedis | null;
  readonly #perAddress: RateLimiterRedis | null;

  constructor(redis: Redis, { perKey, perAddress }: RateLimits, prefix: string = DEFAULT_PREFIX) {
    const build = (points: number, name: string) =>
      points === 0
        ? null
        : new RateLimiterRedis({
            storeClient: redis,
            keyPrefix: `${prefix}:rate:${name}`,
            points,
            duration: WINDOW_SECONDS,
          });
    this.#perKey = build(perKey, 'key');
    this.#perAddress = build(perAddress, 'address');
  }

  /** Counts a request with a valid key, and says in the headers how many are left. @throws Problem 429 */
  countKey(id: string, reply: FastifyReply): Promise<void> {
    return count(this.#perKey, id, reply);
  }

  /** Counts a request without one. @throws Problem 429 */
  countAddress(address: string, reply: FastifyReply): Promise<void> {
    return count(this.#perAddress, address, reply);
  }
}

async function count(limiter: RateLimiterRedis | null, name: string, reply: FastifyReply): Promise<void> {
  if (limiter === null) return;
  const outcome = await limiter.consume(name).catch((refusal: RateLimiterRes | Error) => {
    if (refusal instanceof Error) throw refusal;
    return refusal;
  });
  const secondsLeft = String(Math.max(1, Math.ceil(outcome.msBeforeNext / 1000)));
  reply.headers({
    'ratelimit-limit': String(limiter.points),
    'ratelimit-remaining': String(outcome.remainingPoints),
    'ratelimit-reset': secondsLeft,
  });
  if (outcome.consumedPoints <= limiter.points) return;
  const detail = `Expected at most ${limiter.points} requests a minute, found more.`;
  throw new Problem(429, 'too-many-requests', detail, { headers: { 'retry-after': secondsLeft } });
}
