import type { Redis } from 'ioredis';
import { controlChannel, DEFAULT_PREFIX } from './job-keys.js';

/** What the API tells the workers, outside the queue. */
export type ControlMessage = { readonly type: 'cancel' | 'pause'; readonly id: string };

export async function publishControl(
  redis: Redis,
  message: ControlMessage,
  prefix: string = DEFAULT_PREFIX,
): Promise<void> {
  await redis.publish(controlChannel(prefix), JSON.stringify(message));
}

/**
 * Hears the control messages on a connection of its own, made from `redis`; resolves, once subscribed, to the function
 * that ends it. Redis drops what is published while that connection is down, so a worker also reads its job's state.
 */
export async function subscribeControl(
  redis: Redis,
  handler: (message: ControlMessage) => void,
  prefix: string = DEFAULT_PREFIX,
): Promise<() => void> {
  const subscriber = redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
  subscriber.on('error', () => {});
  subscriber.on('message', (_channel: string, text: string) => handler(JSON.parse(text) as ControlMessage));
  await subscriber.subscribe(controlChannel(prefix));
  return () => subscriber.disconnect();
}
