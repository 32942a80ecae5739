import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Scope } from '../../jobs/api-key.js';
import type { ApiKeyStore } from '../../jobs/api-key-store.js';
import { Problem } from '../problem.js';
import { type Caller, hasScope, LOCAL_CALLER } from './caller.js';
import { keyIn } from './credentials.js';
import { hostOf, isLoopback } from './loopback.js';
import type { RateLimiter } from './rate-limits.js';
import { isForBrowsers, type Openable, requiredScope } from './required-scope.js';

export type AuthMode = 'auto' | 'required' | 'off';

export type DoorOptions = {
  readonly keys: ApiKeyStore;
  readonly mode: AuthMode;
  /** Address that the service listens on. */
  readonly host: string;
  readonly open: readonly Openable[];
  readonly limiter: RateLimiter;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any route sees the request. */
    caller: Caller;
  }
}

/** How long "no key was ever made" is believed. */
const NO_KEYS_MS = 1000;

/** Lets a request pass when its key allows what it asks for, and says who it is from. */
export const door = fp(async (app: FastifyInstance, options: DoorOptions) => {
  const asksForKeys = keysNeeded(options);
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request, reply) => {
    const route = { url: request.routeOptions.url, method: request.method };
    const scope = requiredScope(route, request.routeOptions.config.scope, options.open);
    request.caller = LOCAL_CALLER;
    if (scope === null) return;
    if (!(await asksForKeys())) return assertLocalHost(request, options.host);
    request.caller = await authenticate(options, request, reply);
    assertScope(request.caller, scope, reply);
  });
});

/** Once a key is there it stays so: even without Redis the door does not open again. */
function keysNeeded({ keys, mode, host }: DoorOptions): () => Promise<boolean> {
  if (!isLoopback(host) || mode === 'required') return async () => true;
  if (mode === 'off') return async () => false;
  let isNeeded = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (isNeeded || performance.now() - askedAt < NO_KEYS_MS) return isNeeded;
    isNeeded = await keys.hasAny();
    askedAt = performance.now();
    return isNeeded;
  };
}

/** Without keys a page of any site could reach the service through a name of its own that leads to loopback. */
function assertLocalHost(request: FastifyRequest, host: string): void {
  const found = hostOf(request.headers.host ?? '');
  if (isLoopback(found) || found === host) return;
  const detail = `Expected the name of this machine's loopback in the header Host, found "${found}".`;
  throw new Problem(421, 'foreign-host', detail);
}

async function authenticate(
  { keys, limiter }: DoorOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Caller> {
  const route = { url: request.routeOptions.url, method: request.method };
  const text = keyIn(request.headers.authorization, isForBrowsers(route));
  const key = text === null ? null : await keys.verify(text);
  if (key !== null) {
    await limiter.countKey(key.id, reply);
    return { owner: key.owner, scopes: key.scopes, keyId: key.id };
  }
  await limiter.countAddress(request.ip, reply);
  const challenge = `Bearer realm="arcqueue"${text === null ? '' : ', error="invalid_token"'}`;
  const challenges = isForBrowsers(route) ? [challenge, 'Basic realm="arcqueue"'] : challenge;
  const found = text === null ? 'none' : 'one that is unknown or revoked';
  reply.header('www-authenticate', challenges);
  throw new Problem(401, 'no-key', `Expected a key as "Authorization: Bearer KEY", found ${found}.`);
}

function assertScope(caller: Caller, scope: Scope, reply: FastifyReply): void {
  if (hasScope(caller, scope)) return;
  reply.header('www-authenticate', `Bearer realm="arcqueue", error="insufficient_scope", scope="${scope}"`);
  const detail = `Expected a key with the scope "${scope}", found one with ${caller.scopes.join(', ')}.`;
  throw new Problem(403, 'missing-scope', detail);
}
