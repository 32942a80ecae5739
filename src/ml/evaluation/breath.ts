import { setImmediate } from 'node:timers/promises';

/** Longest time without a look at the signal. */
const INTERVAL_MS = 50;

/**
 * Lets a long computation be cancelled and its messages leave the process: to be awaited again and again, it gives way to
 * the event loop every 50 ms.
 * @throws the signal's reason
 */
export function breathing(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < INTERVAL_MS) return;
    await setImmediate();
    last = performance.now();
    signal?.throwIfAborted();
  };
}
