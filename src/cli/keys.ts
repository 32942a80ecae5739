import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import type { Config } from '../config.js';
import { findEmbeddedRedis, startEmbeddedRedis } from '../embedded-redis.js';
import { runEntry } from '../entry.js';
import { OWNER_PATTERN, SCOPES, type Scope } from '../jobs/api-key.js';
import { ApiKeyStore } from '../jobs/api-key-store.js';
import { StartError } from '../start-error.js';

const USAGE = `npm run keys -- COMMAND

  create --owner NAME --scopes read,submit,admin   makes a key and shows it, this once
  list                                             all keys, without their secrets
  revoke ID                                        ends a key for good`;

// npm run keys: works on Redis directly, so that there is a way in before there is a key.
await runEntry(USAGE, async (config) => {
  const { positionals, values } = readArguments();
  const embedded = config.redisUrl === undefined ? await openEmbedded(config) : null;
  const redis = new Redis(config.redisUrl ?? embedded?.url ?? '', {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  try {
    await redis.connect().catch(() => {
      throw new StartError('Expected a Redis that answers at REDIS_URL; found none.');
    });
    await run(new ApiKeyStore(redis, config.queuePrefix), positionals, values);
  } finally {
    redis.disconnect();
    await embedded?.stop();
  }
});

function readArguments() {
  try {
    const options = { owner: { type: 'string' }, scopes: { type: 'string' } } as const;
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    throw new StartError((error as Error).message);
  }
}

async function run(
  keys: ApiKeyStore,
  [command, id]: readonly string[],
  { owner = '', scopes = '' }: { owner?: string | undefined; scopes?: string | undefined },
): Promise<void> {
  if (command === 'create') {
    const { key, text } = await keys.create(readOwner(owner), readScopes(scopes));
    process.stdout.write(
      `${text}\n\nThis is shown once. Its id is ${key.id}, its owner ${key.owner}; send it as\n  Authorization: Bearer ${text}\n`,
    );
  } else if (command === 'list') {
    for (const { id: keyId, owner: whose, scopes: may, createdAt, revokedAt } of await keys.list()) {
      const state = revokedAt === null ? 'valid' : `revoked ${revokedAt}`;
      process.stdout.write(`${[keyId, whose, may.join(','), createdAt, state].join('  ')}\n`);
    }
  } else if (command === 'revoke' && id !== undefined) {
    if (!(await keys.revoke(id))) throw new StartError(`Expected the id of a key; found "${id}".`);
    process.stdout.write(`${id} is revoked.\n`);
  } else {
    throw new StartError(`Expected create, list or revoke ID; found "${command ?? ''}". See --help.`);
  }
}

function readOwner(owner: string): string {
  if (new RegExp(OWNER_PATTERN).test(owner)) return owner;
  throw new StartError(
    `Expected --owner with up to 64 letters, digits and any of . _ @ -; found "${owner}".`,
  );
}

function readScopes(text: string): Scope[] {
  const asked = text.split(',').filter(Boolean);
  const scopes = SCOPES.filter((scope) => asked.includes(scope));
  if (scopes.length > 0 && scopes.length === new Set(asked).size) return scopes;
  throw new StartError(`Expected --scopes with any of ${SCOPES.join(',')}; found "${text}".`);
}

/** The Redis of a service that runs on this data folder, or, where none does, that Redis for a moment. */
async function openEmbedded({ dataDir }: Config): Promise<{ url: string; stop(): Promise<void> }> {
  const dir = join(dataDir, 'redis');
  const url = await findEmbeddedRedis(dir);
  if (url !== null) return { url, stop: async () => {} };
  await mkdir(dir, { recursive: true });
  return startEmbeddedRedis(dir);
}
