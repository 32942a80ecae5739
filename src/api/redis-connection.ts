import type { FastifyBaseLogger } from 'fastify';
import { Redis } from 'ioredis';

/** Longest wait for one reply of Redis. */
const COMMAND_TIMEOUT_MS = 5000;

/**
 * A connection for answering requests: while Redis is away every command fails at once, where a worker's would wait.
 * It keeps trying to connect in the background.
 */
export function connectForRequests(url: string, log: FastifyBaseLogger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (times) => Math.min(times * 100, 2000),
  });
  redis.on('error', (error) => log.warn({ err: error }, 'redis connection'));
  return redis;
}
