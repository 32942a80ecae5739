import type { ApiKeyStore } from '../../jobs/api-key-store.js';
import { StartError } from '../../start-error.js';
import type { AuthMode } from './door.js';
import { isLoopback } from './loopback.js';

type Circumstances = {
  readonly host: string;
  readonly mode: AuthMode;
  readonly keys: ApiKeyStore;
  /** Whether Redis can say which keys there are. Until it can, every request is refused anyway. */
  readonly isKnown: boolean;
};

/** Lets the service listen beyond loopback only with keys. @throws StartError that says what to do */
export async function assertKeys({ host, mode, keys, isKnown }: Circumstances): Promise<void> {
  if (isLoopback(host)) return;
  if (mode === 'off') {
    throw new StartError(`Expected AUTH=off only with a HOST on loopback; found HOST=${host}.`);
  }
  if (!isKnown || (await keys.hasAny())) return;
  throw new StartError(
    `Expected an API key before listening on ${host}; found none, make one with: npm run keys -- create --owner NAME --scopes admin`,
  );
}
