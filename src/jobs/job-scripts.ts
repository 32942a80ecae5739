/**
 * The writes that must be atomic, as Lua. Redis runs one script at a time, so that between the check of a record's
 * attempt or state and the write that depends on it nothing else happens. Scripts build key names from the prefix: with
 * a Redis Cluster the prefix needs a hash tag, as BullMQ asks for too.
 */

/** KEYS: record, transitions. ARGV: prefix, id, to, at, transition, ",from,from,", attempt or "", error or "". */
export const TRANSITION_LUA = `
local prefix, id, to, at = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local found = redis.call('HMGET', KEYS[1], 'state', 'attempt', 'kind')
local from, kind = found[1], found[3]
if not from then return {'not_found', ''} end
local held, attempt = tonumber(found[2]), tonumber(ARGV[7])
if attempt and (attempt < held or (to == 'starting' and attempt == held)) then return {'stale_attempt', from} end
if not string.find(ARGV[6], ',' .. from .. ',', 1, true) then return {'not_allowed', from} end
if attempt then redis.call('HSET', KEYS[1], 'attempt', attempt) end
if to == 'starting' then redis.call('HDEL', KEYS[1], 'progress', 'metrics', 'error', 'result') end
redis.call('HSET', KEYS[1], 'state', to, 'updatedAt', at)
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'error', ARGV[8]) end
redis.call('RPUSH', KEYS[2], ARGV[5])
for _, group in ipairs({'*', kind}) do
  redis.call('ZREM', prefix .. ':index:' .. group .. ':' .. from, id)
  redis.call('ZADD', prefix .. ':index:' .. group .. ':' .. to, 0, id)
end
return {'moved', from}
`;

const FENCE = `
local held = redis.call('HMGET', KEYS[1], 'attempt', 'state')
if not held[1] or tonumber(held[1]) ~= tonumber(ARGV[1]) then return 0 end
if held[2] == 'succeeded' or held[2] == 'failed' or held[2] == 'cancelled' then return 0 end
`;

/** KEYS: record. ARGV: attempt, field, value, field, value, ... Returns 1 when written, 0 when refused. */
export const WRITE_FIELDS_LUA = `${FENCE}
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
`;

/** KEYS: record, metrics stream. ARGV: attempt, "steps" or "epoch", JSON. Returns 1 when written, 0 when refused. */
export const APPEND_METRICS_LUA = `${FENCE}
redis.call('XADD', KEYS[2], '*', 'attempt', ARGV[1], ARGV[2], ARGV[3])
return 1
`;

/**
 * KEYS: index. ARGV: prefix, upper bound of the ids ("+" or "(id"), count. Returns [fields, transitions] of each job,
 * newest first, as they were at one instant.
 */
export const LIST_LUA = `
local jobs = {}
for i, id in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[2], '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[3])) do
  local key = ARGV[1] .. ':job:' .. id
  jobs[i] = {redis.call('HGETALL', key), redis.call('LRANGE', key .. ':transitions', 0, -1)}
end
return jobs
`;

/** KEYS: record, transitions. Returns [fields, transitions] as they were at one instant. */
export const GET_LUA = `return {redis.call('HGETALL', KEYS[1]), redis.call('LRANGE', KEYS[2], 0, -1)}`;
