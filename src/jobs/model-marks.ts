import type { Redis } from 'ioredis';
import { LOCAL_OWNER } from './api-key.js';
import { DEFAULT_PREFIX } from './job-keys.js';

/** What people say about a model; it can change, where the model itself cannot. */
export type ModelMark = { readonly tags: readonly string[]; readonly notes: string };

/** What became of an alias: moved, or refused with the model that it points to. */
export type AliasOutcome =
  | { readonly moved: true; readonly previous: string | null }
  | { readonly moved: false; readonly reason: 'other' | 'deleting'; readonly found: string | null };

/** Longer than removing a model's files takes. */
const CLAIM_SECONDS = 3600;

/** KEYS: aliases, mark of the model. ARGV: alias, id, whether to compare, expected id or "". */
const SET_ALIAS_LUA = `
local found = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if ARGV[3] == '1' and found ~= ARGV[4] then return {'other', found} end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'deleting', found} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'moved', found}
`;

/** KEYS: aliases. ARGV: alias, whether to compare, expected id or "". */
const REMOVE_ALIAS_LUA = `
local found = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if ARGV[2] == '1' and found ~= ARGV[3] then return {'other', found} end
redis.call('HDEL', KEYS[1], ARGV[1])
return {'moved', found}
`;

/** KEYS: aliases, claim. ARGV: id, seconds. Returns the alias that points to the model, or "" once claimed. */
const CLAIM_LUA = `
local pairs = redis.call('HGETALL', KEYS[1])
for i = 1, #pairs, 2 do if pairs[i + 1] == ARGV[1] then return pairs[i] end end
redis.call('SET', KEYS[2], '1', 'EX', ARGV[2])
return ''
`;

/** An owner's aliases, and the tags and notes of models, in Redis. */
export class ModelMarks {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string = DEFAULT_PREFIX,
    private readonly owner: string = LOCAL_OWNER,
  ) {}

  /** The model that an alias points to. */
  aliasOf(alias: string): Promise<string | null> {
    return this.redis.hget(this.#aliases(), alias);
  }

  /** All aliases and the ids that they point to. */
  aliases(): Promise<Record<string, string>> {
    return this.redis.hgetall(this.#aliases());
  }

  /**
   * Points an alias to a model, in one step.
   * @param expected id that it has to point to before; null for none; left out, anything
   */
  async setAlias(alias: string, id: string, expected?: string | null): Promise<AliasOutcome> {
    const compare = expected === undefined ? '0' : '1';
    const keys = [this.#aliases(), this.#claim(id)] as const;
    const reply = await this.redis.eval(SET_ALIAS_LUA, 2, ...keys, alias, id, compare, expected ?? '');
    return toOutcome(reply as [string, string]);
  }

  /** Removes an alias; `expected` as above. */
  async removeAlias(alias: string, expected?: string): Promise<AliasOutcome> {
    const compare = expected === undefined ? '0' : '1';
    const args = [alias, compare, expected ?? ''] as const;
    return toOutcome(
      (await this.redis.eval(REMOVE_ALIAS_LUA, 1, this.#aliases(), ...args)) as [string, string],
    );
  }

  /** The marks of each model, in their order. */
  async read(ids: readonly string[]): Promise<ModelMark[]> {
    const stored = await Promise.all(ids.map((id) => this.redis.hgetall(this.#mark(id))));
    return stored.map(({ tags, notes }) => ({
      tags: tags === undefined ? [] : JSON.parse(tags),
      notes: notes ?? '',
    }));
  }

  /** Replaces what is given and keeps the rest. */
  async write(id: string, { tags, notes }: Partial<ModelMark>): Promise<void> {
    const fields = {
      ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
      ...(notes === undefined ? {} : { notes }),
    };
    if (Object.keys(fields).length > 0) await this.redis.hset(this.#mark(id), fields);
  }

  /**
   * Keeps aliases away from a model that is about to be deleted.
   * @returns the alias that points to it, which must go first; null once claimed
   */
  async claimDeletion(id: string): Promise<string | null> {
    const keys = [this.#aliases(), this.#claim(id)] as const;
    return ((await this.redis.eval(CLAIM_LUA, 2, ...keys, id, CLAIM_SECONDS)) as string) || null;
  }

  /** Forgets the marks of a model that is gone, and the claim. */
  async forget(id: string): Promise<void> {
    await this.redis.del(this.#mark(id), this.#claim(id));
  }

  #aliases(): string {
    return `${this.prefix}:owner:${this.owner}:model-aliases`;
  }

  #mark(id: string): string {
    return `${this.prefix}:model:${id}`;
  }

  #claim(id: string): string {
    return `${this.prefix}:model:${id}:deleting`;
  }
}

function toOutcome([outcome, found]: [string, string]): AliasOutcome {
  const previous = found === '' ? null : found;
  if (outcome === 'moved') return { moved: true, previous };
  return { moved: false, reason: outcome as 'other' | 'deleting', found: previous };
}
