import type { Redis } from 'ioredis';
import { DEFAULT_PREFIX, eventSignalChannel } from './job-keys.js';

/**
 * Wakes those who follow a job when it has a new event. One connection serves all followers of this process, opened for
 * the first. A message may get lost while that connection is down: followers are all woken when it is back, and should
 * look by themselves now and then.
 */
export class EventSignals {
  #subscriber: Redis | undefined;
  readonly #wakers = new Map<string, Set<() => void>>();
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string = DEFAULT_PREFIX) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** Calls `wake` at each new event of the job, until the returned function is called. */
  listen(id: string, wake: () => void): () => void {
    const channel = eventSignalChannel(this.#prefix, id);
    const wakers = this.#wakers.get(channel) ?? new Set();
    if (wakers.size === 0) this.#connected().subscribe(channel).catch(ignore);
    this.#wakers.set(channel, wakers.add(wake));
    return () => {
      wakers.delete(wake);
      if (wakers.size > 0 || this.#wakers.get(channel) !== wakers) return;
      this.#wakers.delete(channel);
      this.#subscriber?.unsubscribe(channel).catch(ignore);
    };
  }

  close(): void {
    this.#subscriber?.disconnect();
  }

  #connected(): Redis {
    if (this.#subscriber !== undefined) return this.#subscriber;
    const options = { enableOfflineQueue: true, maxRetriesPerRequest: null, lazyConnect: false };
    const subscriber = this.#redis.duplicate(options);
    subscriber.on('error', ignore);
    subscriber.on('message', (channel: string) => {
      for (const wake of this.#wakers.get(channel) ?? []) wake();
    });
    // Also after every reconnection, where ioredis subscribes again by itself.
    subscriber.on('ready', () => {
      for (const wakers of this.#wakers.values()) for (const wake of wakers) wake();
    });
    this.#subscriber = subscriber;
    return subscriber;
  }
}

/** What the connection meets is heard by the owner of the one that it was made from. */
function ignore(): void {}
