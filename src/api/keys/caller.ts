import { LOCAL_OWNER, SCOPES, type Scope } from '../../jobs/api-key.js';

/** Who asks. */
export type Caller = {
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Null while no keys are asked for. */
  readonly keyId: string | null;
};

/** Whoever reaches a service that asks for no keys: on loopback, so the machine's own user. */
export const LOCAL_CALLER: Caller = { owner: LOCAL_OWNER, scopes: SCOPES, keyId: null };

export function isAdmin({ scopes }: Caller): boolean {
  return scopes.includes('admin');
}

export function hasScope({ scopes }: Caller, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

/** Whether the caller may know of what `owner` made. */
export function maySee(caller: Caller, owner: string): boolean {
  return caller.owner === owner || isAdmin(caller);
}
