import type { Scope } from '../../jobs/api-key.js';
import { BOARD_PATH } from '../bull-board.js';

/** What may be opened to everyone by a setting. */
export const OPENABLE = ['docs', 'metrics'] as const;
export type Openable = (typeof OPENABLE)[number];

export const DOCS_PATH = '/docs';

type Route = { readonly url: string | undefined; readonly method: string };

/** A route may name the scope that it needs; null opens it to everyone. */
declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope | null;
  }
}

/**
 * The scope that a request needs, null for none. A route that says nothing needs `read` to look and `submit` for all else, so
 * that one which was forgotten is shut.
 */
export function requiredScope(
  { url = '', method }: Route,
  declared: Scope | null | undefined,
  open: readonly Openable[],
): Scope | null {
  if (isBelow(url, DOCS_PATH)) return open.includes('docs') ? null : 'read';
  if (url === '/metrics' && open.includes('metrics')) return null;
  if (isBelow(url, BOARD_PATH)) return 'admin';
  if (declared !== undefined) return declared;
  return method === 'GET' || method === 'HEAD' ? 'read' : 'submit';
}

/** Whether a browser opens this by itself, so that it can only send a key by its own log-in window. */
export function isForBrowsers({ url = '', method }: Route): boolean {
  return (isBelow(url, DOCS_PATH) || isBelow(url, BOARD_PATH)) && (method === 'GET' || method === 'HEAD');
}

function isBelow(url: string, path: string): boolean {
  return url === path || url.startsWith(`${path}/`);
}
